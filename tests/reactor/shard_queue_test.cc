// Queues in a shard: what waits on disk and in memory, who gets it, what is counted.
#include "tests/reactor/shard_queue_fixture.h"

namespace timerd::reactor {
namespace {

TEST_F(ShardQueueTest, HandsWhatIsDueToAWorkerAtOnce) {
  Start();
  CreateQueued("a", 1);
  mail().credit = 1;
  SettleAt(0.999);
  EXPECT_THAT(Delivered(), IsEmpty());
  SettleAt(1);
  ASSERT_EQ(worker_->delivered.size(), 1u);
  const Occurrence& occurrence = worker_->delivered[0];
  EXPECT_EQ(occurrence.payload, "payload of a");
  EXPECT_EQ(occurrence.attempt, 1u);
  EXPECT_EQ(*occurrence.deadline, At(1));
  EXPECT_EQ(occurrence.lease_end, At(31));
  EXPECT_EQ(mail().leased, 1);
}

TEST_F(ShardQueueTest, DeliversNothingBeforeItsLeaseIsDurable) {
  Start();
  CreateQueued("a", 1);
  Settle();
  mail().credit = 1;
  SetTime(1);
  ASSERT_THAT(shard_->LoadWindow(), IsOk());
  shard_->Fire(10);
  ASSERT_THAT(shard_->Dispatch(10), IsOk());
  EXPECT_EQ(TakeFrame(), 1);
  shard_->Release();
  EXPECT_THAT(Delivered(), IsEmpty());
  EXPECT_THAT(TakeOutputs(), ElementsAre("create a")) << "nor is anybody told that it fired";
  Commit();
  EXPECT_THAT(Delivered(), ElementsAre("a 1"));
}

TEST_F(ShardQueueTest, NumbersTheLeasesOfAnIdThatIsUsedAgainInOneFrameApart) {
  options_.limits.retention = Span::zero();
  Start();
  mail().credit = 2;
  for (int i = 0; i < 2; ++i) {
    CreateQueued("a", 0);
    ASSERT_THAT(shard_->LoadWindow(), IsOk());
    shard_->Fire(10);
    ASSERT_THAT(shard_->Dispatch(10), IsOk());
    Cancel("a");
  }
  Settle();
  ASSERT_EQ(worker_->delivered.size(), 2u);
  EXPECT_NE(worker_->delivered[0].lease, worker_->delivered[1].lease);
}

TEST_F(ShardQueueTest, GivesALateWorkerWhatWaitedTheOldestFirst) {
  Start();
  CreateQueued("c", 3);
  CreateQueued("a", 1);
  CreateQueued("b", 2);
  SettleAt(5);
  EXPECT_EQ(mail().waiting, 3);
  Offer(2);
  EXPECT_THAT(Delivered(), ElementsAre("a 1", "b 1"));
  Offer(5);
  EXPECT_THAT(Delivered(), ElementsAre("c 1"));
  EXPECT_EQ(mail().waiting, 0);
}

TEST_F(ShardQueueTest, KeepsALongLineOnDiskAndInOrder) {
  options_.max_resident_bytes = RoomFor(1000);
  Start();
  constexpr int kCount = 5000;
  for (int i = 0; i < kCount; ++i) {
    CreateQueued(absl::StrCat("t", i), 1 + 0.001 * i);
    if (i % 500 == 0) {
      Settle();
    }
  }
  SettleAt(60);
  EXPECT_EQ(mail().waiting, kCount);
  EXPECT_LE(shard_->residents(), 2 * Lines::kFront + 1);
  Offer(kCount);
  ASSERT_EQ(worker_->delivered.size(), static_cast<size_t>(kCount));
  for (int i = 0; i < kCount; ++i) {
    ASSERT_EQ(IdOf(worker_->delivered[i].key), absl::StrCat("t", i));
  }
  EXPECT_EQ(mail().leased, kCount);
}

TEST_F(ShardQueueTest, WaitsInMemoryWithoutAWrite) {
  Start();
  CreateQueued("a", 1);
  CreateQueued("b", 1);
  Settle();
  const int written = operations_;
  SettleAt(2);
  EXPECT_EQ(mail().waiting, 2);
  EXPECT_EQ(mail().scheduled, 0);
  EXPECT_EQ(operations_, written);
  Offer(1);
  EXPECT_EQ(operations_, written + 1) << "one for the firing and the lease";
  queues_.clear();
  Start(3);
  EXPECT_EQ(mail().waiting, 1);
  EXPECT_EQ(mail().scheduled, 0);
  EXPECT_EQ(mail().leased, 1);
  Offer(5);
  EXPECT_THAT(Delivered(), ElementsAre("a 1", "b 1"));
}

TEST_F(ShardQueueTest, WaitsForAnotherAttemptWithoutAWrite) {
  Start();
  CreateQueued("a", 1);
  SettleAt(1);
  Offer(1);
  SettleWith(worker_->delivered.at(0), timer::Failure{.retry_after = Seconds(5)});
  const int written = operations_;
  SettleAt(10);
  EXPECT_EQ(mail().waiting, 1);
  EXPECT_EQ(operations_, written);
  queues_.clear();
  Start(11);
  EXPECT_EQ(mail().waiting, 1);
  Offer(1);
  EXPECT_THAT(Delivered(), ElementsAre("a 1", "a 2"));
}

TEST_F(ShardQueueTest, ListsWhatWaitsWithoutAWriteAsWaiting) {
  Start();
  CreateQueued("a", 1);
  Settle();
  SettleAt(2);
  const auto answer = List({.phase = timer::Phase::kPending, .prefix = "default/"}, {}, 10);
  Settle();
  const Listed& listed = answer->value().value();
  ASSERT_EQ(listed.rows.size(), 1u);
  EXPECT_EQ(timer::StageOf(listed.rows[0].handle), timer::Stage::kWaiting);
}

TEST_F(ShardQueueTest, WritesWhatALineLeavesToTheDisk) {
  options_.max_resident_bytes = RoomFor(1000);
  Start();
  constexpr int kCount = 3000;
  for (int i = 0; i < kCount; ++i) {
    CreateQueued(absl::StrCat("t", i), 1 + 0.001 * i);
  }
  Settle();
  SettleAt(60);
  int on_disk = 0;
  ASSERT_THAT(state_->ScanWaiting("default/mail", std::nullopt,
                                  [&on_disk](const DueKey&, auto) { return ++on_disk > 0; }),
              IsOk());
  EXPECT_GE(on_disk, kCount - static_cast<int>(2 * Lines::kFront));
  EXPECT_LT(on_disk, kCount);
  queues_.clear();
  Start(61);
  EXPECT_EQ(mail().waiting, kCount);
  Offer(kCount);
  EXPECT_EQ(worker_->delivered.size(), static_cast<size_t>(kCount));
}

TEST_F(ShardQueueTest, KeepsALineInHalfOfTheMemoryThatThereIs) {
  options_.max_resident_bytes = RoomFor(12'000);
  Start();
  constexpr size_t kCount = 10'000;
  for (size_t i = 0; i < kCount; ++i) {
    CreateQueued(absl::StrCat("t", i), 1);
  }
  SettleAt(60);
  EXPECT_EQ(mail().waiting, static_cast<int>(kCount));
  EXPECT_GT(shard_->residents(), size_t{12'000} / 4);
  EXPECT_LE(shard_->residents(), size_t{12'000} / 2);
  Offer(kCount);
  EXPECT_EQ(Delivered().size(), kCount);
}

// A line that ends where a page read from disk ends (128): the shard once took it to go on there,
// so that what came next was given to nobody, and whoever asked for the oldest stopped the shard.
TEST_F(ShardQueueTest, GoesOnAfterALineThatEndsWithAPage) {
  Start();
  for (int i = 0; i < 128; ++i) {
    CreateQueued(absl::StrCat("t", i), 1);
  }
  SettleAt(3);
  queues_.clear();
  Start(4);
  Offer(200);
  EXPECT_EQ(Delivered().size(), 128u);
  CreateQueued("next", 1);
  SettleAt(6);
  EXPECT_THAT(Delivered(), ElementsAre("next 1"));
  EXPECT_EQ(Ask<std::optional<Instant>>(ReadOldest{.queue = "default/mail"}).value(), std::nullopt);
}

TEST_F(ShardQueueTest, PurgesALineThatEndsWithAPage) {
  Start();
  for (int i = 0; i < 256; ++i) {
    CreateQueued(absl::StrCat("t", i), 1);
  }
  SettleAt(3);
  queues_.clear();
  Start(4);
  EXPECT_EQ(Ask<uint64_t>(PurgeQueue{.queue = "default/mail"}).value(), 256u);
  EXPECT_EQ(mail().waiting, 0);
}

TEST_F(ShardQueueTest, FindsWhatWaitedAndWhatWasLeasedAfterARestart) {
  Start();
  mail().credit = 1;
  CreateQueued("leased", 1);
  SettleAt(1);
  CreateQueued("waits", 1);
  CreateQueued("later", 100);
  SettleAt(3);
  const uint64_t lease = worker_->delivered.at(0).lease;
  Occurrence occurrence = worker_->delivered.at(0);
  worker_->delivered.clear();
  queues_.clear();
  Start(4);
  EXPECT_EQ(mail().leased, 1);
  EXPECT_EQ(mail().waiting, 1);
  EXPECT_EQ(mail().scheduled, 1);
  Offer(1);
  EXPECT_THAT(Delivered(), ElementsAre("waits 1"));
  occurrence.lease = lease;
  EXPECT_THAT(**SettleWith(occurrence, timer::Success{"r"}), IsOk()) << "leases outlive the server";
}

TEST_F(ShardQueueTest, TakesTurnsAmongQueues) {
  Start();
  for (int i = 0; i < 300; ++i) {
    CreateQueued(absl::StrCat("m", i), 1);
  }
  CreateQueued("other", 2, "fax");
  SettleAt(3);
  mail().credit = 1000;
  Find("default/fax")->credit = 1;
  shard_->Execute(reactor::Dispatch{"default/mail"});
  shard_->Execute(reactor::Dispatch{"default/fax"});
  ASSERT_THAT(shard_->Dispatch(100), IsOk());
  Commit();
  const std::vector<std::string> delivered = Delivered();
  EXPECT_EQ(delivered.size(), 100u);
  EXPECT_NE(std::find(delivered.begin(), delivered.end(), "other 1"), delivered.end());
}

TEST_F(ShardQueueTest, PurgesWhatWaitsAndNothingElse) {
  Start();
  mail().credit = 1;
  CreateQueued("leased", 1);
  SettleAt(1);
  for (int i = 0; i < 700; ++i) {
    CreateQueued(absl::StrCat("w", i), 1);
  }
  CreateQueued("later", 100);
  SettleAt(3);
  EXPECT_EQ(Ask<uint64_t>(PurgeQueue{.queue = "default/mail"}).value(), 700u);
  EXPECT_EQ(mail().waiting, 0);
  EXPECT_EQ(mail().leased, 1);
  EXPECT_EQ(mail().scheduled, 1);
}

TEST_F(ShardQueueTest, TellsSinceWhenTheOldestWaits) {
  Start();
  EXPECT_EQ(Ask<std::optional<Instant>>(ReadOldest{.queue = "default/mail"}).value(), std::nullopt);
  CreateQueued("b", 2);
  CreateQueued("a", 1);
  SettleAt(5);
  EXPECT_EQ(Ask<std::optional<Instant>>(ReadOldest{.queue = "default/mail"}).value(), At(1));
}

TEST_F(ShardQueueTest, ListsWhatWaitsAmongWhatIsPendingByDeadline) {
  Start();
  CreateQueued("second", 2);
  CreateQueued("first", 1, "fax");
  CreateTimer("last", 50);
  SettleAt(5);
  CreateQueued("third", -1);  // due at 4
  Settle();
  const auto listed = List({.phase = timer::Phase::kPending, .prefix = Key("")});
  Settle();
  ASSERT_THAT(**listed, IsOk());
  std::vector<std::string> ids;
  for (const Listed::Row& row : (*listed)->value().rows) {
    ids.emplace_back(IdOf(row.handle.key));
  }
  EXPECT_THAT(ids, ElementsAre("first", "second", "third", "last"));
  const auto rest = List({.phase = timer::Phase::kPending, .prefix = Key("")},
                         {.due = (*listed)->value().rows[1].due});
  Settle();
  EXPECT_EQ((*rest)->value().rows.size(), 2u);
}

TEST_F(ShardQueueTest, RefusesATimerWhenItsQueueOrTheDirectoryIsFull) {
  Start();
  mail().admitted = Refuse(Reason::kLimitExceeded, "full", "max-backlog");
  auto refused = Create("a", {.kind = timer::Kind::kTimer, .reported = true, .queue = "mail"});
  Settle();
  EXPECT_THAT(**refused, IsRefused(Reason::kLimitExceeded));
  none_ = true;
  refused = Create("b", {.kind = timer::Kind::kTimer, .reported = true, .queue = "other"});
  Settle();
  EXPECT_THAT(**refused, IsRefused(Reason::kLimitExceeded));
}

TEST_F(ShardQueueTest, LeavesItsLineWhenItIsReplacedIntoAnotherQueue) {
  Start();
  CreateQueued("a", 1);
  SettleAt(2);
  CreateKey(Key("a"),
            {.kind = timer::Kind::kTimer, .reported = true, .span = Seconds(1), .queue = "fax"},
            /*replace=*/true);
  SettleAt(4);
  EXPECT_EQ(mail().waiting, 0);
  EXPECT_EQ(Find("default/fax")->waiting, 1);
  Start(5);
  Offer(1, "mail");
  EXPECT_THAT(Delivered(), IsEmpty());
  Offer(1, "fax");
  EXPECT_THAT(Delivered(), ElementsAre("a 1"));
}

TEST_F(ShardQueueTest, CountsWhatIsNotDueOverARestart) {
  Start();
  CreateQueued("a", 5);
  CreateQueued("b", 6);
  Settle();
  EXPECT_EQ(mail().scheduled, 2);
  Cancel("a");
  Settle();
  EXPECT_EQ(mail().scheduled, 1);
  queues_.clear();
  Start(1);
  EXPECT_EQ(mail().scheduled, 1);
  SettleAt(7);
  EXPECT_EQ(mail().scheduled, 0);
  EXPECT_EQ(mail().waiting, 1);
}

TEST_F(ShardQueueTest, CountsALoopThatStartsNowAsWaiting) {
  Start();
  Create("a", {.kind = timer::Kind::kLoop,
               .reported = true,
               .span = Seconds(5),
               .start_now = true,
               .queue = "mail"});
  Settle();
  EXPECT_EQ(mail().scheduled, 0);
  EXPECT_EQ(mail().waiting, 1);
}

TEST_F(ShardQueueTest, GivesBackWhatItsNamespaceHasNoRoomFor) {
  UsageRegistry usage(/*max_namespaces=*/10);
  options_.usage = &usage;
  options_.namespaces.max_handles = 1;
  Start();
  CreateQueued("a", 5);
  const auto refused =
      Create("b", {.kind = timer::Kind::kTimer, .reported = true, .queue = "mail"});
  Settle();
  EXPECT_THAT(**refused, IsRefused(Reason::kLimitExceeded));
  EXPECT_EQ(mail().scheduled, 1);
  shard_.reset();  // before what it counts in
}

TEST_F(ShardQueueTest, AsksForTheRoomOfTheOneThatIsReplaced) {
  Start();
  int payload = 0;
  const auto replace = [&](const std::string& queue) {
    CreateKey(Key("a"),
              {.kind = timer::Kind::kTimer,
               .reported = true,
               .span = Seconds(9),
               .payload = absl::StrCat(++payload),  // or it would attach
               .queue = queue},
              /*replace=*/true);
    Settle();
    return Find("default/" + queue)->last_in_place;
  };
  CreateQueued("a", 1);
  EXPECT_FALSE(mail().last_in_place);
  EXPECT_TRUE(replace("mail"));
  EXPECT_EQ(mail().scheduled, 1);
  EXPECT_FALSE(replace("fax"));
  EXPECT_EQ(mail().scheduled, 0);
  EXPECT_EQ(Find("default/fax")->scheduled, 1);
  SettleAt(10);
  EXPECT_FALSE(replace("fax")) << "it waits, and is not scheduled";
  EXPECT_EQ(Find("default/fax")->scheduled, 1);
  EXPECT_EQ(Find("default/fax")->waiting, 0);
}

}  // namespace
}  // namespace timerd::reactor
