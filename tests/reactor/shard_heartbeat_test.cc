// Tasks that are extended again and again: what that costs the log, and what a crash makes of it.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

class ShardHeartbeatTest : public ShardTest {
 protected:
  // Operations that all frames taken since the last call hold.
  int TakeOperations() {
    int operations = 0;
    for (int n = TakeFrame(); n >= 0; n = TakeFrame()) {
      operations += n;
    }
    Commit();
    return operations;
  }
  // When the one time-out of `id` acts, in seconds.
  double TimeoutOf(const std::string& id) {
    const auto got = Get(id);
    Commit();
    EXPECT_TRUE(got->has_value() && (*got)->ok());
    return static_cast<double>(((**got)->handle.timeouts.at(0).due.at - kStart).count()) / 1e9;
  }
};

TEST_F(ShardHeartbeatTest, WritesAtMostOncePerQuarterOfTheTimeOutHoweverOftenItIsExtended) {
  Start();
  CreateTask("watchdog", 40);
  Commit();
  int operations = 0;
  constexpr int kBeats = 10'000;
  constexpr double kLength = 100;  // ten quarters
  for (int i = 1; i <= kBeats; ++i) {
    SettleAt(kLength * i / kBeats);
    MoveFromNow("watchdog", 40);
    operations += TakeOperations();
  }
  EXPECT_LE(operations, 10 + 1);
  EXPECT_GE(operations, 9);
  EXPECT_EQ(TimeoutOf("watchdog"), kLength + 40);
}

TEST_F(ShardHeartbeatTest, ActsWhenItsLastHeartbeatSaysWithoutACrash) {
  Start();
  CreateTask("watchdog", 40);
  for (double now : {1.0, 2.0, 9.0, 15.0}) {
    SettleAt(now);
    MoveFromNow("watchdog", 40);
    Commit();
  }
  TakeOutputs();
  SettleAt(54.999);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(55);
  EXPECT_THAT(TakeOutputs(), ElementsAre("watchdog TIMED_OUT 1"));
}

TEST_F(ShardHeartbeatTest, ActsNoEarlierAfterACrashAndAtMostAQuarterLater) {
  Start();
  CreateTask("watchdog", 40);
  for (double now : {1.0, 2.0, 9.0}) {
    SettleAt(now);
    MoveFromNow("watchdog", 40);
    Commit();
  }
  StartWithBacklog(10);  // nobody has asked for a stop
  Settle();
  TakeOutputs();
  const double acts = TimeoutOf("watchdog");
  EXPECT_GE(acts, 49);
  EXPECT_LE(acts, 49 + 10);
  TakeOutputs();
  SettleAt(acts);
  EXPECT_THAT(TakeOutputs(), ElementsAre("watchdog TIMED_OUT 1"));
}

TEST_F(ShardHeartbeatTest, IsExactAfterAStopThatWroteReservationsDown) {
  Start();
  CreateTask("watchdog", 40);
  for (double now : {1.0, 9.0}) {
    SettleAt(now);
    MoveFromNow("watchdog", 40);
    Commit();
  }
  shard_->WriteReservations();
  Commit();
  Start(10);
  EXPECT_EQ(TimeoutOf("watchdog"), 49);
}

TEST_F(ShardHeartbeatTest, StaysInMemoryWhileWhatIsWrittenIsNotWhatIsTrue) {
  options_.window = std::chrono::seconds(10);
  Start();
  CreateTask("watchdog", 4000);
  Commit();
  EXPECT_EQ(shard_->residents(), 0u);
  for (double now : {1.0, 2.0}) {
    SettleAt(now);
    MoveFromNow("watchdog", 4000);
    Commit();
  }
  EXPECT_EQ(shard_->residents(), 1u);
  TakeOutputs();
  SettleAt(4001.999);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(4002);
  EXPECT_THAT(TakeOutputs(), ElementsAre("watchdog TIMED_OUT 1"));
}

TEST_F(ShardHeartbeatTest, IsWrittenDownRatherThanCrowdTheMemory) {
  options_.window = std::chrono::seconds(10);
  options_.max_residents = 10;
  Start();
  constexpr int kWatchdogs = 100;
  for (int i = 0; i < kWatchdogs; ++i) {
    CreateTask(absl::StrCat("w", i), 4000);
  }
  Commit();
  for (int round = 0; round < 3; ++round) {
    SettleAt(round + 1);
    for (int i = 0; i < kWatchdogs; ++i) {
      MoveFromNow(absl::StrCat("w", i), 4000);
    }
    Settle();
  }
  EXPECT_LE(shard_->residents(), options_.max_residents + 1);
  TakeOutputs();
  SettleAt(4002.999);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(4003);
  EXPECT_EQ(TakeOutputs().size(), static_cast<size_t>(kWatchdogs));
}

TEST_F(ShardHeartbeatTest, IsListedWithTheDeadlineThatIsTrue) {
  Start();
  CreateTask("watchdog", 40);
  for (double now : {1.0, 2.0}) {
    SettleAt(now);
    MoveFromNow("watchdog", 40);
    Commit();
  }
  const auto listed = List({.kind = timer::Kind::kTask});
  Commit();
  ASSERT_TRUE(listed->has_value() && (*listed)->ok());
  ASSERT_EQ((**listed)->rows.size(), 1u);
  EXPECT_EQ((**listed)->rows[0].handle.timeouts.at(0).due.at, At(42));
}

TEST_F(ShardHeartbeatTest, IsWrittenAtOnceWhenItIsMovedEarlier) {
  Start();
  CreateTask("watchdog", 40);
  SettleAt(1);
  MoveFromNow("watchdog", 40);
  EXPECT_EQ(TakeOperations(), 1);
  MoveFromNow("watchdog", 5);
  EXPECT_EQ(TakeOperations(), 1);
  Start(2);
  EXPECT_EQ(TimeoutOf("watchdog"), 6);
}

}  // namespace
}  // namespace timerd::reactor
