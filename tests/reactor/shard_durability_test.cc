// What waits for the disk and what does not, and what a crash leaves.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

class ShardDurabilityTest : public ShardTest {};

TEST_F(ShardDurabilityTest, HoldsAReplyUntilItsFrameIsDurable) {
  Start();
  Settle();
  const auto answer = CreateTimer("a", 5);
  shard_->Release();
  EXPECT_FALSE(answer->has_value());
  EXPECT_EQ(TakeFrame(), 1);
  shard_->Release();
  EXPECT_FALSE(answer->has_value());
  shard_->OnDurable(1);
  EXPECT_FALSE(answer->has_value());  // only Release() gives anything out
  shard_->Release();
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((**answer)->deadline, At(5));
  EXPECT_EQ((**answer)->now, At(0));
  EXPECT_FALSE((**answer)->existed);
}

TEST_F(ShardDurabilityTest, WantsAppliedWhatSomebodyIsToRead) {
  Start();
  const uint64_t before = shard_->wanted();
  CreateTimer("a", 5);
  Commit(/*apply=*/false);
  EXPECT_EQ(shard_->wanted(), before);
  List({});
  EXPECT_EQ(shard_->wanted(), durable());
  CreateTimer("b", 5);
  Commit(/*apply=*/false);
  EXPECT_LT(shard_->wanted(), durable());
  shard_->Execute(ListLetters{.queue = "default/mail", .reply = [](auto) {}});
  EXPECT_EQ(shard_->wanted(), durable());
  CreateTimer("c", 5);
  Commit(/*apply=*/false);
  EXPECT_LT(shard_->wanted(), durable());
  shard_->Execute(TakeLetter{.queue = "default/mail", .reply = [](auto) {}});
  EXPECT_EQ(shard_->wanted(), durable());
  Commit();
}

TEST_F(ShardDurabilityTest, GathersAWholeTurnInOneFrame) {
  Start();
  Settle();
  for (int i = 0; i < 10; ++i) {
    CreateTimer(absl::StrCat("t", i), 5);
  }
  Cancel("t3");
  MoveFromNow("t4", 7);
  EXPECT_EQ(TakeFrame(), 10);  // each handle once, as it stands at the end
  EXPECT_EQ(TakeFrame(), -1);
}

TEST_F(ShardDurabilityTest, TakesAFrameOfNothingOnlyWhenAskedTo) {
  Start(1);
  Settle();
  EXPECT_EQ(TakeFrame(), -1);
  const store::Frame frame = *shard_->TakeFrameEvenEmpty();
  EXPECT_EQ(frame.sequence(), 1u);
  EXPECT_EQ(frame.operations_size(), 0);
  EXPECT_EQ(frame.time_ns(), ToNanos(At(1)));
  EXPECT_EQ(frame.wall_ns(), ToNanos(At(1)));
}

TEST_F(ShardDurabilityTest, TellsOfAFiringWithoutWaitingForTheDisk) {
  Start();
  CreateTimer("a", 1);
  Settle();
  TakeOutputs();
  SetTime(1);
  EXPECT_EQ(shard_->Fire(10), 1u);
  shard_->Release();
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 1"));
}

TEST_F(ShardDurabilityTest, HoldsTheEventThatACommandMadeAsLongAsItsReply) {
  Start();
  CreateTimer("a", 1);
  Settle();
  TakeOutputs();
  Cancel("a");
  shard_->Release();
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  Commit();
  EXPECT_THAT(TakeOutputs(), ElementsAre("cancel a", "a CANCELLED 1"));
}

TEST_F(ShardDurabilityTest, GivesEverythingOutInTheOrderInWhichItWasDecided) {
  Start();
  CreateTimer("a", 1);
  Settle();
  TakeOutputs();
  SetTime(1);
  CreateTimer("b", 5);
  EXPECT_EQ(shard_->Fire(10), 1u);
  Get("a");
  shard_->Release();
  EXPECT_THAT(TakeOutputs(), IsEmpty());  // the firing comes after b's acknowledgement
  Commit();
  EXPECT_THAT(TakeOutputs(), ElementsAre("create b", "a FIRED 1", "get a"));
}

TEST_F(ShardDurabilityTest, HoldsAReadUntilWhatItSawIsDurable) {
  Start();
  CreateTimer("a", 1);
  const auto got = Get("a");
  const auto missing = Get("none");
  TakeFrame();
  shard_->Release();
  EXPECT_FALSE(got->has_value());
  EXPECT_FALSE(missing->has_value());
  Commit();
  EXPECT_THAT(**got, IsOk());
  EXPECT_THAT(**missing, IsRefused(Reason::kUnknownId));
}

TEST_F(ShardDurabilityTest, HoldsAListingUntilWhatItShowsIsApplied) {
  Start();
  Settle();
  CreateTimer("a", 1);
  const auto listed = List({});
  Commit(/*apply=*/false);
  EXPECT_FALSE(listed->has_value());
  EXPECT_EQ(shard_->waiting(), 1u);
  Commit();
  ASSERT_TRUE(listed->has_value());
  EXPECT_EQ((**listed)->rows.size(), 1u);
  EXPECT_EQ(shard_->waiting(), 0u);
}

TEST_F(ShardDurabilityTest, FiresAgainAfterACrashWhatItToldButDidNotWriteDown) {
  Start();
  CreateTimer("a", 1, /*reported=*/true);
  Settle();
  SetTime(1);
  EXPECT_EQ(shard_->Fire(10), 1u);
  shard_->Release();
  const Notice before = notices_.back();
  StartWithBacklog(60);
  TakeOutputs();
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 1 again"));
  EXPECT_EQ(notices_.back().event.run, before.event.run);
  EXPECT_EQ(notices_.back().event.deadline, before.event.deadline);
}

TEST_F(ShardDurabilityTest, DoesNotFireAgainWhatItWroteDown) {
  Start();
  CreateTimer("a", 1, /*reported=*/true);
  SettleAt(1);
  StartWithBacklog(60);
  TakeOutputs();
  Settle();
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  const auto watched = Watch("a");
  Settle();
  ASSERT_EQ((**watched)->retained.size(), 1u);  // told again to who asks
  EXPECT_TRUE((**watched)->retained[0].redelivery);
}

TEST_F(ShardDurabilityTest, HasABacklogAfterARestartUntilAllThatIsOverdueHasFired) {
  Start();
  CreateTimer("c", 3);
  CreateTimer("a", 1);
  CreateTimer("b", 1);
  CreateTimer("later", 100);
  Settle();
  StartWithBacklog(50);
  TakeOutputs();
  EXPECT_TRUE(shard_->HasBacklog());
  EXPECT_EQ(shard_->FireOverdue(2).value(), 2u);
  EXPECT_TRUE(shard_->HasBacklog());
  EXPECT_EQ(shard_->FireOverdue(2).value(), 1u);
  EXPECT_FALSE(shard_->HasBacklog());
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 1 again", "b FIRED 1 again", "c FIRED 1 again"));
  SettleAt(100);
  EXPECT_THAT(TakeOutputs(), ElementsAre("later FIRED 1"));
}

TEST_F(ShardDurabilityTest, FiresWhatIsOverdueOfAHandleBeforeACommandSeesIt) {
  Start();
  CreateTimer("a", 1);
  CreateTimer("b", 2);
  CreateTimer("c", 3);
  Settle();
  StartWithBacklog(50);
  TakeOutputs();
  Cancel("c");
  EXPECT_TRUE(shard_->HasBacklog());
  Commit();
  EXPECT_THAT(TakeOutputs(), ElementsAre("c FIRED 1 again", "cancel c"));
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 1 again", "b FIRED 1 again"));
}

TEST_F(ShardDurabilityTest, FiresWhatIsDueNowBesideABacklog) {
  Start();
  CreateTimer("a", 1);
  CreateTimer("b", 2);
  Settle();
  StartWithBacklog(50);
  TakeOutputs();
  CreateTimer("now", 0);
  CreateTimer("soon", 1);
  Create("past", {.kind = timer::Kind::kTimer, .at = ToNanos(At(3))});
  SetTime(51);
  ASSERT_THAT(shard_->LoadWindow(), IsOk());
  EXPECT_EQ(shard_->Fire(10), 3u);
  EXPECT_EQ(shard_->FireOverdue(1).value(), 1u);
  EXPECT_TRUE(shard_->HasBacklog());
  Commit();
  EXPECT_THAT(TakeOutputs(), ElementsAre("create now", "create soon", "create past", "past FIRED 1",
                                         "now FIRED 1", "soon FIRED 1", "a FIRED 1 again"));
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("b FIRED 1 again"));
}

// Of both clocks the oldest goes first, a few at a time.
TEST_F(ShardDurabilityTest, GoesThroughABacklogOfBothClocksInOrder) {
  Start();
  for (int i = 0; i < 5; ++i) {
    CreateTimer(absl::StrCat("s", i), 10 + 2 * i);
    Create(absl::StrCat("w", i), {.kind = timer::Kind::kTimer, .at = Wall(11 + 2 * i)});
  }
  Settle();
  StartWithBacklog(50);
  TakeOutputs();
  for (int i = 0; shard_->HasBacklog(); ++i) {
    ASSERT_LT(i, 10);
    ASSERT_THAT(shard_->FireOverdue(3), IsOk());
  }
  Commit();
  EXPECT_THAT(TakeOutputs(), ElementsAre("s0 FIRED 1 again", "w0 FIRED 1 again", "s1 FIRED 1 again",
                                         "w1 FIRED 1 again", "s2 FIRED 1 again", "w2 FIRED 1 again",
                                         "s3 FIRED 1 again", "w3 FIRED 1 again", "s4 FIRED 1 again",
                                         "w4 FIRED 1 again"));
}

// What is not due any more, since the wall clock was set back, is not forgotten.
TEST_F(ShardDurabilityTest, FollowsAWallClockThatIsSetBackDuringABacklog) {
  Start();
  CreateTimer("service", 30);
  Create("wall", {.kind = timer::Kind::kTimer, .at = Wall(40)});
  Create("wall before", {.kind = timer::Kind::kTimer, .at = Wall(20)});
  Settle();
  StartWithBacklog(50);
  TakeOutputs();
  SetWallClock(-20);
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("service FIRED 1 again", "wall before FIRED 1 again"));
  SettleAt(59);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(60);
  EXPECT_THAT(TakeOutputs(), ElementsAre("wall FIRED 1"));
}

// A timer that is moved to before the start of the server was marked as told before.
TEST_F(ShardDurabilityTest, DoesNotCallAnEventOfThisLifeARedeliveryHoweverOldItsDeadline) {
  Start(10);
  CreateTimer("zero", 0);
  Create("past", {.kind = timer::Kind::kTimer, .at = ToNanos(At(3))});
  Settle();
  TakeOutputs();
  SettleAt(10);
  Start(20);
  Settle();
  Create("again", {.kind = timer::Kind::kTimer, .at = ToNanos(At(15))});
  TakeOutputs();
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("create again", "again FIRED 1"));
  for (const Notice& notice : notices_) {
    EXPECT_FALSE(notice.redelivery) << notice.key;
  }
  EXPECT_EQ(notices_.size(), 3u);
}

TEST_F(ShardDurabilityTest, NeverGoesBackInTime) {
  Start(10);
  SetTime(5);
  const auto answer = CreateTimer("a", 1);
  Settle();
  EXPECT_EQ((**answer)->now, At(10));
}

}  // namespace
}  // namespace timerd::reactor
