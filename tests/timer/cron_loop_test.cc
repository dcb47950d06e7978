// Loops that tick by cron: their boundaries stand on the wall clock, which may be set.
#include "absl/time/time.h"
#include "tests/timer/loop_fixture.h"

namespace timerd::timer {
namespace {

// The examples begin at 22:13:20 of some day, so that "every ten seconds" is due at 10, 20, ...
class CronLoopTest : public LoopFixture {
 protected:
  Handle MakeCron(LoopPolicy policy = {}, LoopShape shape = {}, double now = 0) {
    policy.cron = CronSchedule::Parse("*/10 * * * * *", "").value();
    return MakeLoopOf(std::move(policy), shape, now);
  }
  // Sets the wall clock, as the next step sees it.
  void SetWallAhead(double seconds) { wall_ahead_ = Seconds(seconds); }
};

TEST_F(CronLoopTest, IsDueWhenItsScheduleMatches) {
  Handle loop = MakeCron({}, {}, 3);
  EXPECT_EQ(loop.due->timeline, Timeline::kWall);
  EXPECT_EQ(loop.first_deadline, ::timerd::testing::At(10));
  ExpectTickFor(loop, 10, 1, 1, 10);
  EXPECT_EQ(event().wall_deadline, ToNanos(::timerd::testing::At(10)));
  ReportSuccess(loop, 12, 20);
  ExpectTick(loop, 20, 2, 1);
}

TEST_F(CronLoopTest, IsNotDueAtAMatchThatEqualsItsStart) {
  EXPECT_EQ(DueOf(MakeCron({}, {}, 10)), 20);
}

TEST_F(CronLoopTest, TicksInsideItsStartWhenAskedToAndThenAtTheNextMatch) {
  Handle loop = MakeCron({}, {.start_now = true}, 3);
  EXPECT_EQ(event().count, 1u);
  EXPECT_EQ(event().wall_deadline, std::nullopt);
  ReportSuccess(loop, 4, 10);
  ExpectTick(loop, 10, 2, 1);
}

TEST_F(CronLoopTest, TellsTheMatchesItMissed) {
  Handle loop = MakeCron();
  ExpectTick(loop, 10, 1, 1);
  ReportSuccess(loop, 45, 50);
  ExpectTick(loop, 50, 2, 4);
  EXPECT_EQ(loop.loop->missed_ticks, 3u);
}

TEST_F(CronLoopTest, TakesAMatchThatEqualsItsReportAsMissed) {
  Handle loop = MakeCron();
  ExpectTick(loop, 10, 1, 1);
  ReportSuccess(loop, 20, 30);
  ExpectTick(loop, 30, 2, 2);
}

TEST_F(CronLoopTest, FollowsTheWallClockWhenThatIsSet) {
  const Handle loop = MakeCron();
  SetWallAhead(6);
  EXPECT_EQ(NextDueOf(loop), 4);
  SetWallAhead(-6);
  EXPECT_EQ(NextDueOf(loop), 16);
  EXPECT_EQ(DueOf(loop), 10);  // on the wall clock, all the time
}

TEST_F(CronLoopTest, TellsAsMissedWhatTheWallClockWasSetForwardOver) {
  Handle loop = MakeCron();
  ExpectTick(loop, 10, 1, 1);
  ReportSuccess(loop, 11, 20);
  SetWallAhead(100);  // 111: past 20 to 110
  ExpectTick(loop, 11, 2, 10);
  EXPECT_EQ(SecondsOf(*event().deadline), -80);
  EXPECT_EQ(event().wall_deadline, ToNanos(::timerd::testing::At(20)));
  const auto reported = Report(loop, 2, kSuccess, At(12));
  TIMERD_ASSERT_OK(reported);
  EXPECT_EQ(reported->next_deadline, ::timerd::testing::At(20));  // 120 on the wall
}

TEST_F(CronLoopTest, TicksNothingTwiceWhenTheWallClockIsSetBackBetweenTwoTicks) {
  Handle loop = MakeCron({}, {.plain = true});
  ExpectTick(loop, 10, 1, 1);
  ExpectTick(loop, 20, 2, 1);
  SetWallAhead(-15);  // 5: before both, and 30 is due 45 s after the start
  EXPECT_EQ(NextDueOf(loop), 45);
  ExpectTick(loop, 45, 3, 1);
  EXPECT_EQ(event().wall_deadline, ToNanos(::timerd::testing::At(30)));
}

TEST_F(CronLoopTest, TicksNothingTwiceWhenTheWallClockIsSetBackDuringARun) {
  for (const MissedTicks& missed : {MissedTicks{}, MissedTicks{MissedTicks::Policy::kRunOnce},
                                    MissedTicks{MissedTicks::Policy::kRunAll, 100}}) {
    SetWallAhead(0);
    Handle loop = MakeCron({.missed = missed});
    ExpectTick(loop, 10, 1, 1);
    ReportSuccess(loop, 11, 20);
    ExpectTick(loop, 20, 2, 1);
    SetWallAhead(-15);
    const auto reported = Report(loop, 2, kSuccess, At(21));
    TIMERD_ASSERT_OK(reported);
    EXPECT_EQ(reported->next_deadline, ::timerd::testing::At(45));  // 30 on the wall
    ExpectTick(loop, 45, 3, 1);
  }
}

TEST_F(CronLoopTest, TicksNothingTwiceWhenItIsResumedAfterTheWallClockWasSetBack) {
  Handle loop = MakeCron({}, {.plain = true});
  ExpectTick(loop, 10, 1, 1);
  TIMERD_ASSERT_OK(Pause(loop, At(11)));
  SetWallAhead(-9);
  TIMERD_ASSERT_OK(Resume(loop, At(12)));  // 3 on the wall
  EXPECT_EQ(DueOf(loop), 20);
}

TEST_F(CronLoopTest, CompletesAfterTheLastMatchUpToItsLastTime) {
  Handle loop = MakeCron({.until = ToNanos(::timerd::testing::At(25))});
  ExpectTick(loop, 10, 1, 1);
  ReportSuccess(loop, 11, 20);
  ExpectTick(loop, 20, 2, 1);
  ReportEnds(loop, 21, EventType::kCompleted);
}

TEST_F(CronLoopTest, IsRefusedWhenItsLastTimeLiesBeforeTheFirstMatch) {
  LoopPolicy policy{.cron = CronSchedule::Parse("*/10 * * * * *", "").value(),
                    .until = ToNanos(::timerd::testing::At(9))};
  EXPECT_THAT(CheckCreatable(SpecOf(policy), At(0)), IsRefused(Reason::kInvalidField));
  policy.until = ToNanos(::timerd::testing::At(10));
  TIMERD_EXPECT_OK(CheckCreatable(SpecOf(policy), At(0)));
}

TEST_F(CronLoopTest, GoesOnThroughALocalTimeThatComesTwice) {
  // Clocks in Berlin went back from 03:00 to 02:00 on 2023-10-29.
  const auto schedule = CronSchedule::Parse("30 2 * * *", "Europe/Berlin").value();
  const Instant noon = InstantFromNanos(absl::ToUnixNanos(
      absl::FromCivil(absl::CivilSecond(2023, 10, 28, 12, 0, 0), absl::UTCTimeZone())));
  const double start = SecondsOf(noon);
  Handle loop = MakeLoopOf({.cron = schedule}, {.plain = true}, start);
  const double first = DueOf(loop);
  EXPECT_EQ(first - start, 12.5 * 3600);  // 02:30 summer time, the first of two
  ExpectTick(loop, first, 1, 1);
  EXPECT_EQ(DueOf(loop) - first, 25 * 3600);
}

}  // namespace
}  // namespace timerd::timer
