// Deadlines of the wall clock, while that clock is set.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

constexpr double kHour = 3600;

class ShardWallClockTest : public ShardTest {
 protected:
  // A timer for when the wall clock shows `seconds` after the start.
  Answer<Opened> CreateAt(const std::string& id, double seconds) {
    return Create(id, {.kind = timer::Kind::kTimer, .at = Wall(seconds)});
  }
  Answer<Opened> CreateCron(const std::string& id, const std::string& expression) {
    timer::Spec spec{.kind = timer::Kind::kLoop};
    spec.loop.cron = *timer::CronSchedule::Parse(expression, "UTC");
    return Create(id, std::move(spec));
  }
  void Make(const std::function<void()>& make) {
    Start();
    make();
    Commit();
    TakeOutputs();
  }
};

TEST_F(ShardWallClockTest, FiresAnAbsoluteTimeAtOnceWhenTheClockIsSetForwardPastIt) {
  Make([this] {
    CreateAt("absolute", 60);
    CreateTimer("delay", 60);
  });
  SetWallClock(kHour);
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("absolute FIRED 1"));
  SettleAt(60);
  EXPECT_THAT(TakeOutputs(), ElementsAre("delay FIRED 1"));
}

TEST_F(ShardWallClockTest, HoldsAnAbsoluteTimeBackWhenTheClockIsSetBack) {
  Make([this] {
    CreateAt("absolute", 60);
    CreateTimer("delay", 60);
  });
  SetWallClock(-kHour);
  SettleAt(60);
  EXPECT_THAT(TakeOutputs(), ElementsAre("delay FIRED 1"));
  SettleAt(60 + kHour - 0.001);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(60 + kHour);
  EXPECT_THAT(TakeOutputs(), ElementsAre("absolute FIRED 1"));
}

TEST_F(ShardWallClockTest, FindsOnDiskWhatIsDueByAClockThatWasSetForward) {
  options_.window = std::chrono::seconds(10);
  Make([this] { CreateAt("far", 5 * kHour); });
  EXPECT_EQ(shard_->residents(), 0u);
  SetWallClock(6 * kHour);
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("far FIRED 1"));
}

TEST_F(ShardWallClockTest, FiresWhatTheClockWasSetPastInTheOrderOfItsTimes) {
  options_.window = std::chrono::seconds(10);
  Make([this] {
    CreateAt("third", 3 * kHour);
    CreateAt("first", 1);
    CreateAt("second", 2 * kHour);
    CreateTimer("delay", 5);
  });
  SetWallClock(4 * kHour);
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("first FIRED 1", "second FIRED 1", "third FIRED 1"));
}

TEST_F(ShardWallClockTest, KeepsBothClocksInOneOrder) {
  Make([this] {
    CreateTimer("a", 2);
    CreateAt("b", 1);
    CreateAt("c", 2);
    CreateTimer("d", 1);
  });
  SettleAt(2);
  EXPECT_THAT(TakeOutputs(), ElementsAre("b FIRED 1", "d FIRED 1", "a FIRED 1", "c FIRED 1"));
}

TEST_F(ShardWallClockTest, DoesNotHoldALongerStretchInMemoryBecauseTheClockWasSetBack) {
  options_.window = std::chrono::seconds(10);
  Make([] {});
  SetWallClock(-10 * kHour);
  Settle();
  CreateAt("far", -5 * kHour);
  Commit();
  EXPECT_EQ(shard_->residents(), 0u);
  SettleAt(5 * kHour);
  EXPECT_THAT(TakeOutputs(), ElementsAre("create far", "far FIRED 1"));
}

TEST_F(ShardWallClockTest, ShowsADeadlineAsTheClockGoesNow) {
  Make([this] { CreateAt("absolute", 60); });
  SetWallClock(20);
  const auto got = Get("absolute");
  Commit();
  ASSERT_TRUE(got->has_value() && (*got)->ok());
  const Got& answer = ***got;
  EXPECT_EQ(answer.handle.due->ServiceTime(answer.wall_ahead), At(40));
}

TEST_F(ShardWallClockTest, TakesAReadingThatIsALittleLateForNoise) {
  Make([this] { CreateAt("absolute", 60); });
  SetWallClock(0.015);
  SettleAt(59.99);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(60);
  EXPECT_THAT(TakeOutputs(), ElementsAre("absolute FIRED 1"));
}

// Tests begin 200 s after a multiple of ten minutes: cron's are at 400 s, 1000 s, 1600 s.
TEST_F(ShardWallClockTest, NeverTicksTwiceBecauseTheClockWasSetBack) {
  Make([this] { CreateCron("cron", "*/10 * * * *"); });
  SettleAt(400);
  SettleAt(1000);
  EXPECT_THAT(TakeOutputs(), ElementsAre("cron TICK 1", "cron TICK 2"));
  SetWallClock(-kHour);
  SettleAt(1600 + kHour - 0.001);
  EXPECT_THAT(TakeOutputs(), IsEmpty()) << "ticked again for a time that it has ticked for";
  SettleAt(1600 + kHour);
  EXPECT_THAT(TakeOutputs(), ElementsAre("cron TICK 3"));
  EXPECT_EQ(notices_.back().event.wall_deadline, Wall(1600));
  EXPECT_EQ(notices_.back().event.count, 1u);
}

TEST_F(ShardWallClockTest, TellsTheCronTicksThatTheClockWasSetPast) {
  Make([this] { CreateCron("cron", "*/10 * * * *"); });
  SettleAt(400);
  SetWallClock(kHour);
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("cron TICK 1", "cron TICK 2"));
  EXPECT_EQ(notices_.back().event.count, 6u);
}

TEST_F(ShardWallClockTest, FollowsAClockThatWasSetWhileTheServerWasDown) {
  Make([this] {
    CreateAt("absolute", 2 * kHour);
    CreateTimer("delay", 2 * kHour);
  });
  SetWallClock(3 * kHour);
  StartWithBacklog(10);
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("absolute FIRED 1 again"));
}

}  // namespace
}  // namespace timerd::reactor
