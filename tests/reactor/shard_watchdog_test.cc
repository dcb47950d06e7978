// Tasks that heartbeats keep alive: their deadlines are moved again and again, and written down now
// and then.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

class ShardWatchdogTest : public ShardTest {
 protected:
  ShardWatchdogTest() { options_.window = std::chrono::seconds(60); }

  Instant DeadlineOf(const std::string& id) {
    const auto got = Get(id);
    Settle();
    return (**got)->handle.timeouts.at(0).due.at;
  }
};

TEST_F(ShardWatchdogTest, WritesAHeartbeatDownOncePerQuarterOfItsTimeOutAtMost) {
  Start();
  CreateTask("a", 10);
  Settle();
  operations_ = 0;
  for (int i = 1; i <= 10'000; ++i) {
    SetTime(0.1 * i);
    const auto moved = MoveFromNow("a", 10);
    Commit();
    ASSERT_EQ((**moved)->result.deadline, At(0.1 * i + 10));
  }
  EXPECT_LE(operations_, 400);  // in 1,000 seconds, of which a quarter is 2.5
  EXPECT_GE(operations_, 300);
  TakeOutputs();
  SettleAt(1009.999);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(1010);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a TIMED_OUT 1"));
}

TEST_F(ShardWatchdogTest, AnswersAHeartbeatThatNeedsNoWriteWithoutTheDisk) {
  Start();
  CreateTask("a", 10);
  MoveFromNow("a", 11);
  Settle();
  SetTime(1);
  const auto moved = MoveFromNow("a", 11);
  EXPECT_EQ(TakeFrame(), -1);
  shard_->Release();
  ASSERT_TRUE(moved->has_value());
  EXPECT_EQ((**moved)->result.deadline, At(12));
}

TEST_F(ShardWatchdogTest, NeverActsEarlierAfterACrashAndAtMostAQuarterLater) {
  for (int beats = 1; beats <= 60; ++beats) {
    const double start = 100.0 * beats;
    const double last = start + 0.1 * beats;
    const std::string id = absl::StrCat("t", beats);
    Start(start);
    CreateTask(id, 10);
    Settle();
    for (int i = 1; i <= beats; ++i) {
      SetTime(start + 0.1 * i);
      MoveFromNow(id, 10);
      Commit();
    }
    Start(last);
    TakeOutputs();
    SettleAt(last + 9.999);
    ASSERT_THAT(TakeOutputs(), IsEmpty()) << beats;
    SettleAt(last + 12.5);
    ASSERT_THAT(TakeOutputs(), ElementsAre(absl::StrCat(id, " TIMED_OUT 1"))) << beats;
  }
}

TEST_F(ShardWatchdogTest, ActsInTimeAfterAStopThatWroteEverythingDown) {
  Start();
  CreateTask("a", 10);
  Settle();
  for (int i = 1; i <= 10; ++i) {
    SetTime(i);
    MoveFromNow("a", 10);
  }
  Settle();
  shard_->WriteReservations();
  Commit();
  Start(11);
  EXPECT_EQ(DeadlineOf("a"), At(20));
  TakeOutputs();
  SettleAt(20);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a TIMED_OUT 1"));
}

TEST_F(ShardWatchdogTest, ShowsTheDeadlineThatAppliesAndNotTheOneOnDisk) {
  Start();
  CreateTask("a", 10);
  MoveFromNow("a", 11);
  Settle();
  SetTime(1);
  MoveFromNow("a", 11);
  Settle();
  EXPECT_EQ(DeadlineOf("a"), At(12));
  const auto listed = List({});
  Settle();
  EXPECT_EQ((**listed)->rows.at(0).handle.timeouts.at(0).due.at, At(12));
}

TEST_F(ShardWatchdogTest, WritesDownAMoveToAnEarlierTime) {
  Start();
  CreateTask("a", 10);
  MoveFromNow("a", 100);
  Settle();
  MoveFromNow("a", 5);
  EXPECT_EQ(TakeFrame(), 1);
  Commit();
  Start(1);
  EXPECT_EQ(DeadlineOf("a"), At(5));
}

// Its length is told with the time-out: a heartbeat that changes it was not written down either, so
// that after a crash the time-out told of the length before.
TEST_F(ShardWatchdogTest, WritesDownAHeartbeatOfAnotherLength) {
  Start();
  CreateTask("a", 10);
  MoveFromNow("a", 20);
  Settle();
  SetTime(6);
  MoveFromNow("a", 15);  // due at 21, which is reserved
  Settle();
  Start(7);
  SettleAt(60);
  ASSERT_EQ(notices_.back().event.type, timer::EventType::kTimedOut);
  EXPECT_EQ(notices_.back().event.timeout, Seconds(15));
}

TEST_F(ShardWatchdogTest, WritesHeartbeatsDownRatherThanKeepTooManyInMemory) {
  options_.max_resident_bytes = RoomFor(2);
  Start();
  for (int i = 0; i < 10; ++i) {
    CreateTask(absl::StrCat("t", i), 1000);
  }
  Settle();
  SetTime(1);
  for (int i = 0; i < 10; ++i) {
    MoveFromNow(absl::StrCat("t", i), 1000 + i);
  }
  Settle();
  EXPECT_LE(shard_->residents(), 2u);
  TakeOutputs();
  for (int i = 0; i < 10; ++i) {
    SettleAt(1001 + i - 0.001);
    EXPECT_THAT(TakeOutputs(), IsEmpty());
    SettleAt(1001 + i);
    EXPECT_THAT(TakeOutputs(), ElementsAre(absl::StrCat("t", i, " TIMED_OUT 1")));
  }
}

TEST_F(ShardWatchdogTest, TakesItsPlaceBehindEqualDeadlinesWithEachHeartbeat) {
  Start();
  CreateTask("a", 10);
  CreateTask("b", 10);
  MoveFromNow("a", 20);
  MoveFromNow("b", 20);
  Settle();
  SetTime(1);
  MoveFromNow("b", 20);
  MoveFromNow("a", 20);
  Settle();
  TakeOutputs();
  SettleAt(21);
  EXPECT_THAT(TakeOutputs(), ElementsAre("b TIMED_OUT 1", "a TIMED_OUT 1"));
}

TEST_F(ShardWatchdogTest, TellsOfItsTimeOutOnlyOnceACrashCannotTakeItBack) {
  Start();
  CreateTask("extended", 40);
  CreateTask("plain", 50);
  Settle();
  SettleAt(1);
  MoveFromNow("extended", 40);
  Settle();
  SettleAt(2);
  MoveFromNow("extended", 40);
  Settle();
  TakeOutputs();
  SetTime(42);
  ASSERT_THAT(shard_->LoadWindow(), IsOk());
  EXPECT_EQ(shard_->Fire(10), 1u);
  shard_->Release();
  EXPECT_THAT(TakeOutputs(), IsEmpty()) << "the log still has it act later";
  Commit();
  EXPECT_THAT(TakeOutputs(), ElementsAre("extended TIMED_OUT 1"));
}

}  // namespace
}  // namespace timerd::reactor
