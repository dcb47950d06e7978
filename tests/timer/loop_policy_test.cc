// Loops as data: plain or reported, from where they count, and what bounds
// them.
#include <algorithm>
#include <set>

#include "tests/timer/loop_fixture.h"

namespace timerd::timer {
namespace {

// ---- Plain
// -------------------------------------------------------------------------------------

class PlainLoopTest : public LoopFixture {
 protected:
  Handle MakePlain(LoopPolicy policy = {}, bool start_now = false) {
    return MakeLoopOf(std::move(policy), {.start_now = start_now, .plain = true});
  }
};

TEST_F(PlainLoopTest, IsPendingAgainAsSoonAsItHasTicked) {
  Handle loop = MakePlain();
  ExpectTick(loop, 1, 1, 1);
  EXPECT_EQ(event_count(), 1u);
  EXPECT_EQ(loop.phase, Phase::kPending);
  EXPECT_EQ(DueOf(loop), 2);
  ExpectTick(loop, 2, 2, 1);
  EXPECT_EQ(loop.last_firing, event());
}

TEST_F(PlainLoopTest, GoesOnFromTheTickThatItsStartMakes) {
  const Handle loop = MakePlain({}, /*start_now=*/true);
  EXPECT_EQ(event().type, EventType::kTick);
  EXPECT_EQ(event().deadline, std::nullopt);
  EXPECT_EQ(loop.run, 1u);
  EXPECT_EQ(loop.phase, Phase::kPending);
  EXPECT_EQ(DueOf(loop), 1);
  EXPECT_EQ(loop.first_deadline, std::nullopt);  // it starts now
}

TEST_F(PlainLoopTest, KeepsItsPhaseAndCountsWhatItMissesWhenTheServerIsLate) {
  Handle loop = MakePlain();
  ExpectTickFor(loop, 4.3, 1, 4, 1);
  EXPECT_EQ(DueOf(loop), 5);
  EXPECT_EQ(loop.loop->missed_ticks, 3u);
}

TEST_F(PlainLoopTest, TakesNoReport) {
  Handle loop = MakePlain();
  EXPECT_THAT(Report(loop, 1, kSuccess, At(0)), IsRefused(Reason::kWrongKind));
  ExpectTick(loop, 1, 1, 1);
  EXPECT_THAT(Report(loop, 1, kSuccess, At(1)), IsRefused(Reason::kWrongKind));
}

TEST_F(PlainLoopTest, StopsAtOnceBecauseNoRunIsEverUnderWay) {
  Handle loop = MakePlain();
  ExpectTick(loop, 1, 1, 1);
  const auto stopped = Stop(loop, At(1.5));
  TIMERD_ASSERT_OK(stopped);
  EXPECT_EQ(*stopped, Phase::kEnded);
  EXPECT_EQ(event().type, EventType::kStopped);
}

TEST_F(PlainLoopTest, EndsWithItsLastTick) {
  Handle loop = MakePlain({.max_runs = 2});
  ExpectTick(loop, 1, 1, 1);
  EXPECT_EQ(event_count(), 1u);
  ExpectTick(loop, 2, 2, 1);
  ASSERT_EQ(event_count(), 2u);
  EXPECT_EQ(events()[1].type, EventType::kCompleted);
  EXPECT_EQ(events()[1].sequence, events()[0].sequence + 1);
  EXPECT_EQ(events()[1].payload, "");
  EXPECT_EQ(NextDueOf(loop), -1);
}

TEST_F(PlainLoopTest, EndsInsideItsStartWhenThatMakesTheOnlyTick) {
  const Handle loop = MakePlain({.max_runs = 1}, /*start_now=*/true);
  ASSERT_EQ(event_count(), 2u);
  EXPECT_EQ(events()[0].type, EventType::kTick);
  EXPECT_EQ(events()[1].type, EventType::kCompleted);
  EXPECT_EQ(loop.phase, Phase::kEnded);
}

// ---- Fixed delay
// -------------------------------------------------------------------------------

class FixedDelayTest : public LoopFixture {
 protected:
  Handle MakeDelayed(const LoopShape& shape = kEachSecond) {
    return MakeLoopOf({.pacing = Pacing::kFixedDelay}, shape);
  }
};

TEST_F(FixedDelayTest, IsDueOneIntervalAfterItsReportHoweverLongTheRunTook) {
  Handle loop = MakeDelayed();
  EXPECT_EQ(DueOf(loop), 1);
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 3.7, 4.7);
  ExpectTick(loop, 4.7, 2, 1);
  ReportSuccess(loop, 4.7, 5.7);
}

TEST_F(FixedDelayTest, MissesNoTickHoweverLateTheServerIs) {
  Handle loop = MakeDelayed({.start_now = true});
  ReportSuccess(loop, 0.5, 1.5);
  ExpectTick(loop, 100, 2, 1);
  EXPECT_EQ(loop.loop->missed_ticks, 0u);
}

TEST_F(FixedDelayTest, IsDueOneIntervalAfterItsLastTickWhenItIsPlain) {
  Handle loop = MakeDelayed({.plain = true});
  ExpectTick(loop, 1.25, 1, 1);
  EXPECT_EQ(DueOf(loop), 2.25);
}

TEST_F(FixedDelayTest, CountsFromTheReportOfATickMadeByHandToo) {
  Handle loop = MakeDelayed();
  TIMERD_ASSERT_OK(Trigger(loop, At(0.5)));
  ReportSuccess(loop, 0.75, 1.75);
}

// ---- A bound on runs
// ---------------------------------------------------------------------------

using MaxRunsTest = LoopFixture;

TEST_F(MaxRunsTest, EndsALoopWithTheReportOfTheLastOne) {
  Handle loop = MakeLoopOf({.max_runs = 2});
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 1.1, 2);
  ExpectTick(loop, 2, 2, 1);
  EXPECT_EQ(loop.phase, Phase::kRunning);
  ReportEnds(loop, 2.5, EventType::kCompleted);
  EXPECT_EQ(event().payload, "result");
  EXPECT_EQ(event().run, 2u);
}

TEST_F(MaxRunsTest, DoesNotTurnAFailureIntoAnythingElse) {
  Handle loop = MakeLoopOf({.max_runs = 1});
  ExpectTick(loop, 1, 1, 1);
  const auto reported = Report(loop, 1, kFailure, At(1.5));
  TIMERD_ASSERT_OK(reported);
  EXPECT_EQ(reported->end, EventType::kFailed);
}

TEST_F(MaxRunsTest, LeavesALoopThatIsStoppingToItsReport) {
  Handle loop = MakeLoopOf({.max_runs = 1});
  ExpectTick(loop, 1, 1, 1);
  TIMERD_ASSERT_OK(Stop(loop, At(1.2)));
  ReportEnds(loop, 1.5, EventType::kStopped);
}

TEST_F(MaxRunsTest, CountsTicksMadeByHand) {
  Handle loop = MakeLoopOf({.max_runs = 2});
  TIMERD_ASSERT_OK(Trigger(loop, At(0.5)));
  ReportSuccess(loop, 0.6, 1);
  ExpectTick(loop, 1, 2, 1);
  ReportEnds(loop, 1.5, EventType::kCompleted);
  Handle plain = MakeLoopOf({.max_runs = 1}, {.plain = true});
  TIMERD_ASSERT_OK(Trigger(plain, At(0.5)));
  ASSERT_EQ(event_count(), 2u);
  EXPECT_EQ(events()[1].type, EventType::kCompleted);
  EXPECT_EQ(plain.phase, Phase::kEnded);
}

TEST_F(MaxRunsTest, EndsALoopThatWasPausedDuringItsLastRun) {
  Handle loop = MakeLoopOf({.max_runs = 1});
  ExpectTick(loop, 1, 1, 1);
  TIMERD_ASSERT_OK(Pause(loop, At(1.2)));
  ReportEnds(loop, 1.5, EventType::kCompleted);
}

// ---- A last time
// -------------------------------------------------------------------------------

class UntilTest : public LoopFixture {
 protected:
  // The wall clock when service time is `seconds`, and the clocks agree.
  static int64_t Unix(double seconds) { return ToNanos(::timerd::testing::At(seconds)); }
};

TEST_F(UntilTest, LetsATickBeDueAtThatVeryTime) {
  Handle loop = MakeLoopOf({.until = Unix(2)});
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 1, 2);
  ExpectTick(loop, 2, 2, 1);
  ReportEnds(loop, 2, EventType::kCompleted);
}

TEST_F(UntilTest, EndsALoopWithTheReportAfterWhichTheNextTickWouldBeLater) {
  Handle loop = MakeLoopOf({.until = Unix(2.999)});
  ExpectTick(loop, 1, 1, 1);
  ReportEnds(loop, 2, EventType::kCompleted);  // 2 is missed, and 3 is later
  EXPECT_EQ(event().payload, "result");
}

TEST_F(UntilTest, LetsATickThatIsDueInTimeActLate) {
  Handle loop = MakeLoopOf({.until = Unix(1.5)}, {.plain = true});
  ExpectTick(loop, 60, 1, 60);
  ASSERT_EQ(event_count(), 2u);
  EXPECT_EQ(events()[1].type, EventType::kCompleted);
}

TEST_F(UntilTest, GoesByTheWallClockAsItIsWhenTheNextTickIsSet) {
  Handle loop = MakeLoopOf({.until = Unix(10)}, {.start_now = true});
  wall_ahead_ = Seconds(8);  // set forward
  ReportSuccess(loop, 0.5, 1);
  ExpectTick(loop, 1, 2, 1);
  ReportSuccess(loop, 1, 2);
  ExpectTick(loop, 2, 3, 1);
  ReportEnds(loop, 2, EventType::kCompleted);
}

TEST_F(UntilTest, BoundsFixedDelaysAndNewBeginnings) {
  Handle loop = MakeLoopOf({.pacing = Pacing::kFixedDelay, .until = Unix(3)});
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 2, 3);
  TIMERD_ASSERT_OK(Reset(loop, At(2.5)));
  EXPECT_EQ(event().type, EventType::kCompleted);
  Handle stretched = MakeLoopOf({.until = Unix(3)});
  TIMERD_ASSERT_OK(ChangeInterval(stretched, Seconds(4), At(0.5)));
  EXPECT_EQ(event().type, EventType::kCompleted);
  Handle paused = MakeLoopOf({.until = Unix(3)});
  TIMERD_ASSERT_OK(Pause(paused, At(0.5)));
  TIMERD_ASSERT_OK(Resume(paused, At(3.5)));
  EXPECT_EQ(event().type, EventType::kCompleted);
}

TEST_F(UntilTest, IsRefusedBeforeTheFirstTick) {
  const Spec in_time = SpecOf({.until = Unix(1)});
  TIMERD_EXPECT_OK(CheckCreatable(in_time, At(0)));
  const absl::Status late = CheckCreatable(in_time, At(0.5));
  EXPECT_THAT(late, IsRefused(Reason::kInvalidField));
  EXPECT_EQ(DetailOf(late), "until");
  EXPECT_EQ(event_count(), 0u);
  TIMERD_EXPECT_OK(CheckCreatable(SpecOf({.until = Unix(0.5)}, {.start_now = true}), At(0.5)));
  EXPECT_THAT(CheckCreatable(SpecOf({.until = Unix(0.4)}, {.start_now = true}), At(0.5)),
              IsRefused(Reason::kInvalidField));
}

TEST_F(UntilTest, IsComparedWithTheWallClockWhenALoopIsMade) {
  wall_ahead_ = Seconds(100);
  EXPECT_THAT(CheckCreatable(SpecOf({.until = Unix(50)}), At(0)), IsRefused(Reason::kInvalidField));
  TIMERD_EXPECT_OK(CheckCreatable(SpecOf({.until = Unix(101)}), At(0)));
}

// ---- Jitter
// ------------------------------------------------------------------------------------

class LoopJitterTest : public LoopFixture {
 protected:
  // The deadlines of the first `n` ticks of `loop`, each made in time and
  // reported at once.
  std::vector<double> Deadlines(Handle loop, int n) {
    std::vector<double> deadlines;
    for (int i = 1; i <= n; ++i) {
      deadlines.push_back(DueOf(loop));
      EXPECT_EQ(Fire(loop, At(std::ceil(DueOf(loop) * 1000) / 1000)), Fired::kEvent);
      EXPECT_EQ(event().count, 1u);
      EXPECT_TRUE(Report(loop, loop.run, kSuccess, At(SecondsOf(event().time))).ok());
    }
    return deadlines;
  }
};

TEST_F(LoopJitterTest, MovesEachTickWithinItsBoundsAndNoneEarlier) {
  const std::vector<double> deadlines = Deadlines(MakeLoopOf({.jitter = Seconds(0.4)}), 100);
  std::set<double> jitters;
  for (size_t i = 0; i < deadlines.size(); ++i) {
    const double jitter = deadlines[i] - static_cast<double>(i + 1);
    EXPECT_GE(jitter, 0);
    EXPECT_LE(jitter, 0.4);
    jitters.insert(jitter);
  }
  EXPECT_GT(jitters.size(), 90u);  // they differ
  EXPECT_LT(*jitters.begin(), 0.05);
  EXPECT_GT(*jitters.rbegin(), 0.35);
}

TEST_F(LoopJitterTest, DependsOnTheHandleAndTheTickAlone) {
  const std::vector<double> deadlines = Deadlines(MakeLoopOf({.jitter = Seconds(0.4)}), 10);
  EXPECT_EQ(Deadlines(MakeLoopOf({.jitter = Seconds(0.4)}), 10), deadlines);
  Handle other = Create("other/l", SpecOf({.jitter = Seconds(0.4)}), nullptr, At(0));
  EXPECT_NE(Deadlines(std::move(other), 10), deadlines);
}

TEST_F(LoopJitterTest, DoesNotAccumulateNorCountAsMissed) {
  Handle loop = MakeLoopOf({.jitter = Seconds(0.999)});
  Deadlines(loop, 50);
  const std::vector<double> deadlines = Deadlines(loop, 50);
  EXPECT_GE(deadlines[49], 50);
  EXPECT_LT(deadlines[49], 51);
}

TEST_F(LoopJitterTest, NeverReachesTheNextTickOfCron) {
  // Every ten seconds, and jitter of more than that.
  const auto every_ten = CronSchedule::Parse("*/10 * * * * *", "").value();
  Handle loop = MakeLoopOf({.cron = every_ten, .jitter = Seconds(60)});
  std::vector<double> deadlines = Deadlines(loop, 60);
  for (size_t i = 0; i < deadlines.size(); ++i) {
    EXPECT_GE(deadlines[i], 10 * static_cast<double>(i + 1));
    EXPECT_LT(deadlines[i], 10 * static_cast<double>(i + 2));
  }
}

TEST_F(LoopJitterTest, MovesTheFirstTickOfAFixedDelayToo) {
  Handle loop = MakeLoopOf({.pacing = Pacing::kFixedDelay, .jitter = Seconds(0.5)});
  const double first = DueOf(loop);
  EXPECT_GT(first, 1);
  EXPECT_LE(first, 1.5);
  ASSERT_EQ(Fire(loop, At(2)), Fired::kEvent);
  TIMERD_ASSERT_OK(Report(loop, 1, kSuccess, At(3)));
  EXPECT_GT(DueOf(loop), 4);
  EXPECT_LE(DueOf(loop), 4.5);
}

// Whether a tick is in time is for its boundary to say: jitter takes no tick
// away, least of all the only one.
TEST_F(LoopJitterTest, MovesNoTickPastTheLastTime) {
  const int64_t until = ToNanos(::timerd::testing::At(2));
  int at_the_last_time = 0;
  for (int i = 0; i < 20; ++i) {
    const Spec spec = SpecOf({.until = until, .jitter = Seconds(0.9)});
    TIMERD_ASSERT_OK(CheckCreatable(spec, At(1)));
    Handle loop = Create("space/l" + std::to_string(i), spec, nullptr, At(1));
    ASSERT_EQ(loop.phase, Phase::kPending);
    EXPECT_EQ(DueOf(loop), 2);
    EXPECT_EQ(Upcoming(loop, 10, ::timerd::testing::At(1), wall_ahead_).size(), 1u);
    ++at_the_last_time;
    ExpectTick(loop, 2, 1, 1);
    ReportEnds(loop, 2, EventType::kCompleted);
  }
  EXPECT_EQ(at_the_last_time, 20);
}

}  // namespace
}  // namespace timerd::timer
