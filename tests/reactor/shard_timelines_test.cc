// Deadlines that follow the wall clock beside those that do not.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

class ShardTimelinesTest : public ShardTest {
 protected:
  ShardTimelinesTest() {
    options_.window = std::chrono::seconds(60);
    Start();
  }

  Answer<Opened> CreateCron(const std::string& id, const std::string& expression) {
    timer::Spec spec{.kind = timer::Kind::kLoop};
    spec.loop.Edit().cron = *timer::CronSchedule::Parse(expression, "");
    return Create(id, spec);
  }
  // Nothing comes until `seconds`, and then `output`.
  void ExpectAt(double seconds, const std::string& output) {
    TakeOutputs();
    SettleAt(seconds - 0.001);
    EXPECT_THAT(TakeOutputs(), IsEmpty());
    SettleAt(seconds);
    EXPECT_THAT(TakeOutputs(), ElementsAre(output));
  }
};

TEST_F(ShardTimelinesTest, FollowsTheWallClockWithWhatIsInMemory) {
  CreateAt("near", 50);
  CreateTimer("delay", 50);
  Settle();
  EXPECT_EQ(shard_->residents(), 2u);
  SetWallClock(20);
  ExpectAt(30, "near FIRED 1");
  ExpectAt(50, "delay FIRED 1");
}

TEST_F(ShardTimelinesTest, FollowsTheWallClockBackWithWhatIsInMemory) {
  CreateAt("near", 50);
  CreateTimer("delay", 50);
  Settle();
  SetWallClock(-20);
  ExpectAt(50, "delay FIRED 1");
  ExpectAt(70, "near FIRED 1");
}

TEST_F(ShardTimelinesTest, FollowsTheWallClockWithWhatIsOnDisk) {
  CreateAt("far", 3600);
  CreateTimer("delay", 3600);
  Settle();
  ASSERT_EQ(shard_->residents(), 0u);
  SetWallClock(3500);
  Settle();
  EXPECT_EQ(shard_->residents(), 0u);  // due in 100 seconds
  EXPECT_LE(shard_->NextWake(), At(100));
  ExpectAt(100, "far FIRED 1");
  SetWallClock(-3600);
  ExpectAt(3600, "delay FIRED 1");
}

TEST_F(ShardTimelinesTest, LeavesOnDiskWhatTheClockWasSetBackFrom) {
  CreateAt("near", 50);
  Settle();
  ASSERT_EQ(shard_->residents(), 1u);
  SetWallClock(-3600);
  Settle();
  EXPECT_EQ(shard_->residents(), 0u);
  ExpectAt(3650, "near FIRED 1");
}

TEST_F(ShardTimelinesTest, FiresWhatTheClockWasSetPastAtOnceAndInOrder) {
  CreateAt("third", 3000);
  CreateAt("second", 2000);
  CreateAt("first", 40);
  Settle();
  TakeOutputs();
  SettleAt(1);
  SetWallClock(3600);
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("first FIRED 1", "second FIRED 1", "third FIRED 1"));
  EXPECT_EQ(notices_.back().event.time, At(1));
  EXPECT_EQ(notices_.back().event.wall_deadline, Wall(3000));
  EXPECT_EQ(notices_.back().event.deadline, At(3000 - 3600));
}

TEST_F(ShardTimelinesTest, PutsBothTimelinesIntoOneOrder) {
  CreateTimer("a", 100);
  CreateAt("b", 100);
  CreateTimer("c", 100);
  CreateAt("before", 99.999);
  CreateAt("d", 99.9995);  // within the tick
  Settle();
  ASSERT_EQ(shard_->residents(), 0u);
  TakeOutputs();
  SettleAt(100);
  EXPECT_THAT(TakeOutputs(),
              ElementsAre("before FIRED 1", "a FIRED 1", "b FIRED 1", "c FIRED 1", "d FIRED 1"));
}

TEST_F(ShardTimelinesTest, PutsBothTimelinesIntoOneOrderHoweverTheClockIsSet) {
  CreateTimer("a", 100);
  CreateAt("b", 3700);
  CreateTimer("c", 100);
  Settle();
  TakeOutputs();
  SetWallClock(3600);
  SettleAt(100);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 1", "b FIRED 1", "c FIRED 1"));
}

TEST_F(ShardTimelinesTest, FiresNothingTwiceWhenTheClockIsSetBackOverIt) {
  CreateAt("once", 50);
  CreateCron("minutes", "* * * * *");  // the start is 20 seconds past a minute
  SettleAt(50);
  TakeOutputs();
  SetWallClock(-3600);
  Settle();
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  ExpectAt(3600 + 100, "minutes TICK 2");
  EXPECT_EQ(notices_.back().event.count, 1u);
}

TEST_F(ShardTimelinesTest, TellsInOneTickOfAllThatTheClockWasSetPast) {
  CreateCron("minutes", "* * * * *");
  SettleAt(50);
  TakeOutputs();
  SetWallClock(3600);
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("minutes TICK 2"));
  EXPECT_EQ(notices_.back().event.count, 60u);
  EXPECT_EQ(notices_.back().event.wall_deadline, Wall(100));
  ExpectAt(100, "minutes TICK 3");
  EXPECT_EQ(notices_.back().event.count, 1u);
}

TEST_F(ShardTimelinesTest, FollowsAWallClockThatWasSetWhileItWasNotThere) {
  CreateAt("near", 50);
  CreateAt("far", 5000);
  CreateTimer("delay", 50);
  Settle();
  SetWallClock(3600);
  Start(10);
  EXPECT_THAT(TakeOutputs(), ::testing::Contains("near FIRED 1 again"));
  ExpectAt(50, "delay FIRED 1");
  ExpectAt(1400, "far FIRED 1");
}

// The two clocks are read one after the other: what seems to be a step forward of a few
// milliseconds is the time between. One back never is, and nothing may be early.
TEST_F(ShardTimelinesTest, TakesASmallStepForwardForTheTimeBetweenTwoReadings) {
  CreateAt("a", 10);
  Settle();
  SetWallClock(0.015);
  ExpectAt(10, "a FIRED 1");
}

TEST_F(ShardTimelinesTest, FollowsSmallStepsForwardOnceTheyAddUp) {
  CreateAt("a", 10);
  Settle();
  SetWallClock(0.015);
  SetWallClock(0.030);
  ExpectAt(9.970, "a FIRED 1");
}

TEST_F(ShardTimelinesTest, FollowsTheSmallestStepBack) {
  CreateAt("a", 10);
  Settle();
  SetWallClock(-0.001);
  ExpectAt(10.001, "a FIRED 1");
}

TEST_F(ShardTimelinesTest, FiresATimeOutThatWasMovedToAWallTimeByThatClock) {
  CreateTask("a", 5);
  Settle();
  shard_->Execute(
      reactor::Reschedule{Key("a"), timer::MoveTo{Wall(3600)}, [](absl::StatusOr<Moved>) {}});
  Settle();
  ASSERT_EQ(shard_->residents(), 0u);
  SetWallClock(3500);
  ExpectAt(100, "a TIMED_OUT 1");
}

TEST_F(ShardTimelinesTest, ListsInTheOrderInWhichItFires) {
  CreateTimer("a", 100);
  CreateAt("b", 3690);
  CreateAt("c", 3710);
  Settle();
  SetWallClock(3600);
  const auto listed = List({.phase = timer::Phase::kPending});
  Settle();
  std::vector<std::string> ids;
  for (const Listed::Row& row : (**listed)->rows) {
    ids.emplace_back(IdOf(row.handle.key));
  }
  EXPECT_THAT(ids, ElementsAre("b", "a", "c"));
  EXPECT_EQ((**listed)->wall_ahead, Seconds(3600));
}

TEST_F(ShardTimelinesTest, KnowsTheNextDeadlineWhereverItIsAndWhateverItStandsOn) {
  const auto next = [this] {
    const absl::StatusOr<std::optional<Instant>> deadline = shard_->NextDeadline();
    EXPECT_THAT(deadline, IsOk());
    return deadline->value_or(Instant());
  };
  EXPECT_EQ(next(), Instant());
  CreateTimer("far", 7200.0004);
  Settle();
  ASSERT_EQ(shard_->residents(), 0u);
  EXPECT_EQ(next(), At(7200.001));
  CreateAt("far by the wall", 3600);
  Settle();
  EXPECT_EQ(next(), At(3600));
  SetWallClock(-3600);
  EXPECT_EQ(next(), At(7200));
  SetWallClock(3000);
  EXPECT_EQ(next(), At(600));
  CreateTimer("near", 30);
  Settle();
  EXPECT_EQ(next(), At(30));
  Cancel("near");
  Cancel("far by the wall");
  Settle();
  EXPECT_EQ(next(), At(7200.001));
  SettleAt(7201);
  EXPECT_EQ(next(), Instant());  // retention fires nothing
}

TEST_F(ShardTimelinesTest, TakesNoNextDeadlineFromAClientThatIsThere) {
  Create("a", {.kind = timer::Kind::kTask,
               .reported = true,
               .span = Seconds(1000),
               .client_lost_after = Seconds(10)});
  Follow("a");
  Settle();
  EXPECT_EQ(**shard_->NextDeadline(), At(1000));
  Unfollow("a");
  Settle();
  EXPECT_EQ(**shard_->NextDeadline(), At(10));
}

TEST_F(ShardTimelinesTest, HoldsNoLongerStretchInMemoryBecauseTheClockWasSetBack) {
  SetWallClock(-36'000);
  Settle();
  CreateAt("far", -18'000);
  Settle();
  EXPECT_EQ(shard_->residents(), 0u);
  ExpectAt(18'000, "far FIRED 1");
}

}  // namespace
}  // namespace timerd::reactor
