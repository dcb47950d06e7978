// Queues in a shard: what waits on disk and in memory, who gets it, what is counted.
#include <map>

#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

// A queue whose workers are a number that the test sets.
class FakeQueue final : public Queue {
 public:
  std::shared_ptr<Worker> Claim(uint32_t) override {
    if (credit == 0) {
      return nullptr;
    }
    --credit;
    return worker;
  }
  timer::DeliveryPolicy policy() const override { return settings; }
  void Count(int by_scheduled, int by_waiting, int by_leased, int by_dead) override {
    scheduled += by_scheduled;
    waiting += by_waiting;
    leased += by_leased;
    dead += by_dead;
  }
  absl::Status Admit(Instant, bool in_place) override {
    scheduled += admitted.ok() ? 1 : 0;
    last_in_place = in_place;
    return admitted;
  }
  void Withdraw() override { --scheduled; }

  int credit = 0;
  std::shared_ptr<Worker> worker;
  timer::DeliveryPolicy settings;
  absl::Status admitted;
  bool last_in_place = false;
  int scheduled = 0, waiting = 0, leased = 0, dead = 0;
};

class ShardQueueTest : public ShardTest, public QueueDirectory {
 protected:
  class Recorder final : public Worker {
   public:
    void Deliver(Occurrence occurrence) override { delivered.push_back(std::move(occurrence)); }
    void OnLeaseOver(absl::string_view key, uint64_t lease, bool revoked) override {
      over.emplace_back(std::string(IdOf(key)), lease, revoked);
    }
    std::vector<Occurrence> delivered;
    std::vector<std::tuple<std::string, uint64_t, bool>> over;
  };

  ShardQueueTest() { options_.queues = this; }

  std::shared_ptr<Queue> Get(absl::string_view name) override { return Find(std::string(name)); }
  absl::Status RefuseNew(absl::string_view) const override {
    return Refuse(Reason::kLimitExceeded, "no more", "max-queues");
  }
  std::shared_ptr<FakeQueue> Find(const std::string& name) {
    if (none_) {
      return nullptr;
    }
    auto& queue = queues_[name];
    if (queue == nullptr) {
      queue = std::make_shared<FakeQueue>();
      queue->worker = worker_;
    }
    return queue;
  }
  FakeQueue& mail() { return *Find("default/mail"); }

  void CreateQueued(const std::string& id, double delay, const std::string& queue = "mail") {
    Create(id, {.kind = timer::Kind::kTimer,
                .reported = true,
                .span = Seconds(delay),
                .payload = "payload of " + id,
                .queue = queue});
  }
  // A worker of `queue` can take so many more.
  void Offer(int credit, const std::string& queue = "mail") {
    Find("default/" + queue)->credit += credit;
    shard_->Execute(reactor::Dispatch{"default/" + queue});
    Settle();
  }
  Answer<Settled> SettleWith(const Occurrence& occurrence, timer::Verdict verdict,
                             const Worker* by = nullptr) {
    auto answer = std::make_shared<std::optional<absl::StatusOr<Settled>>>();
    shard_->Execute(reactor::Settle{occurrence.key, occurrence.lease, std::move(verdict),
                                    [answer](absl::StatusOr<Settled> s) { *answer = s; }, by});
    ShardTest::Settle();
    return answer;
  }
  std::vector<std::string> Delivered() {
    std::vector<std::string> shown;
    for (const Occurrence& each : std::exchange(worker_->delivered, {})) {
      shown.push_back(absl::StrCat(IdOf(each.key), " ", each.attempt));
    }
    return shown;
  }
  template <typename T, typename Command>
  absl::StatusOr<T> Ask(Command command) {
    std::optional<absl::StatusOr<T>> answer;
    command.reply = [&answer](absl::StatusOr<T> given) { answer = std::move(given); };
    shard_->Execute(std::move(command));
    Settle();
    return answer ? *answer : absl::InternalError("not answered");
  }

  std::shared_ptr<Recorder> worker_ = std::make_shared<Recorder>();
  std::map<std::string, std::shared_ptr<FakeQueue>> queues_;
  bool none_ = false;
};

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
  options_.max_residents = 1000;
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

TEST_F(ShardQueueTest, DeliversAgainWithAHigherAttemptWhatWasNotSettled) {
  Start();
  mail().credit = 2;
  CreateQueued("a", 1);
  SettleAt(1);
  EXPECT_THAT(Delivered(), ElementsAre("a 1"));
  SettleAt(31);
  ASSERT_EQ(worker_->over.size(), 1u);
  EXPECT_TRUE(std::get<2>(worker_->over[0])) << "taken away";
  SettleAt(33);
  EXPECT_THAT(Delivered(), ElementsAre("a 2"));
}

TEST_F(ShardQueueTest, FreesCreditWhenTheSettlementIsDurable) {
  Start();
  mail().credit = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  const Occurrence occurrence = worker_->delivered.at(0);
  const auto answer = SettleWith(occurrence, timer::Success{"r"});
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->value().end, timer::EventType::kCompleted);
  ASSERT_EQ(worker_->over.size(), 1u);
  EXPECT_FALSE(std::get<2>(worker_->over[0]));
  EXPECT_EQ(mail().leased, 0);
  EXPECT_EQ(mail().scheduled, 0);
}

TEST_F(ShardQueueTest, TakesWorkAwayThatIsCancelled) {
  Start();
  mail().credit = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  Cancel("a");
  Settle();
  ASSERT_EQ(worker_->over.size(), 1u);
  EXPECT_TRUE(std::get<2>(worker_->over[0]));
}

TEST_F(ShardQueueTest, WaitsForAWorkerThatIsGoneOnlyForTheGrace) {
  Start();
  mail().credit = 2;
  CreateQueued("a", 1);
  SettleAt(1);
  shard_->Execute(Abandon{Key("a"), worker_->delivered.at(0).lease});
  Settle();
  Delivered();
  SettleAt(2.9);
  EXPECT_THAT(worker_->over, IsEmpty());
  SettleAt(3);
  EXPECT_EQ(worker_->over.size(), 1u);
  SettleAt(4.1);
  EXPECT_THAT(Delivered(), ElementsAre("a 2"));
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

TEST_F(ShardQueueTest, TellsAWorkerThatAnotherHasSettledWhatItHad) {
  Start();
  mail().credit = 2;
  CreateQueued("a", 1);
  CreateQueued("b", 1);
  SettleAt(1);
  ASSERT_EQ(worker_->delivered.size(), 2u);
  const Recorder other;
  SettleWith(worker_->delivered[0], timer::Success{}, &other);
  SettleWith(worker_->delivered[1], timer::Success{}, worker_.get());
  EXPECT_THAT(worker_->over,
              ElementsAre(std::tuple("a", worker_->delivered[0].lease, /*revoked=*/true),
                          std::tuple("b", worker_->delivered[1].lease, /*revoked=*/false)));
}

// A worker comes back over a new stream before it is known that the old one is dead.
TEST_F(ShardQueueTest, LeavesALeaseToWhoExtendsItOverAnotherStream) {
  Start();
  mail().credit = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  const Occurrence occurrence = worker_->delivered.at(0);
  const Recorder other;
  const auto extended = SettleWith(occurrence, timer::Extend{Seconds(100)}, &other);
  EXPECT_EQ((**extended)->result.lease_end, At(101));
  EXPECT_THAT(worker_->over, ElementsAre(std::tuple("a", occurrence.lease, /*revoked=*/true)));
  shard_->Execute(Abandon{occurrence.key, occurrence.lease});
  mail().credit = 1;
  SettleAt(4);
  SettleAt(6);
  EXPECT_EQ(worker_->delivered.size(), 1u) << "cut short";
  SettleAt(101);
  SettleAt(103);
  EXPECT_EQ(worker_->delivered.size(), 2u);
}

TEST_F(ShardQueueTest, LeavesALeaseToItsWorkerWhenAnotherFailsToExtendIt) {
  Start();
  mail().credit = 2;
  CreateQueued("a", 1);
  CreateQueued("b", 1);
  SettleAt(1);
  Occurrence wrong = worker_->delivered.at(0);
  wrong.lease = worker_->delivered.at(1).lease;
  const Recorder other;
  EXPECT_THAT(**SettleWith(wrong, timer::Extend{Seconds(100)}, &other),
              IsRefused(Reason::kNotYours));
  EXPECT_THAT(worker_->over, IsEmpty());
}

TEST_F(ShardQueueTest, BuriesWhatFailedAndReplaysIt) {
  Start();
  mail().credit = 5;
  mail().settings.retry.max_attempts = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  SettleWith(worker_->delivered.at(0), timer::Failure{.payload = "broken"});
  EXPECT_EQ(mail().dead, 1);
  Delivered();
  auto letters = Ask<Letters>(ListLetters{.queue = "default/mail", .max = 10});
  ASSERT_THAT(letters, IsOk());
  ASSERT_EQ(letters->letters.size(), 1u);
  const Letter& letter = letters->letters[0];
  EXPECT_EQ(letter.letter.failure(), "broken");
  EXPECT_EQ(letter.letter.attempts(), 1u);
  EXPECT_EQ(letter.spec.payload, "payload of a");

  Start(2);  // they outlive the server
  const auto replayed = Ask<std::string>(
      TakeLetter{.queue = "default/mail", .letter = letter.key, .replay = true, .new_key = "x"});
  ASSERT_THAT(replayed, IsOk());
  EXPECT_EQ(*replayed, Key("a"));
  ASSERT_EQ(worker_->delivered.size(), 1u);
  EXPECT_EQ(worker_->delivered[0].generation, 2u);
  EXPECT_EQ(worker_->delivered[0].payload, "payload of a");
  EXPECT_THAT(Ask<std::string>(TakeLetter{.queue = "default/mail", .letter = letter.key}),
              IsRefused(Reason::kUnknownDeadLetter));
}

TEST_F(ShardQueueTest, ReplaysUnderANewIdWhenTheOldOneLives) {
  Start();
  mail().credit = 5;
  mail().settings.retry.max_attempts = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  SettleWith(worker_->delivered.at(0), timer::Failure{});
  CreateKey(Key("a"), {.kind = timer::Kind::kTimer, .span = Seconds(50)}, /*replace=*/true);
  Settle();
  const auto letters = Ask<Letters>(ListLetters{.queue = "default/mail", .max = 10});
  const auto replayed = Ask<std::string>(TakeLetter{.queue = "default/mail",
                                                    .letter = letters->letters.at(0).key,
                                                    .replay = true,
                                                    .new_key = Key("fresh")});
  ASSERT_THAT(replayed, IsOk());
  EXPECT_EQ(*replayed, Key("fresh"));
}

TEST_F(ShardQueueTest, ForgetsDeadLettersAfterTheirRetention) {
  options_.dead_letter_retention = std::chrono::hours(1);
  Start();
  mail().credit = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  SettleWith(worker_->delivered.at(0), timer::Failure{.final = true});
  SettleAt(3500);
  EXPECT_EQ(mail().dead, 1);
  SettleAt(3700);
  EXPECT_EQ(mail().dead, 0);
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
