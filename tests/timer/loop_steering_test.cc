// What can be done to a loop between its start and its end.
#include "tests/timer/loop_fixture.h"

namespace timerd::timer {
namespace {

using ::testing::HasSubstr;

// All of them, on a loop of each state that has its own rules.
class LoopSteeringTest : public LoopFixture {
 protected:
  Handle MakeStopping() {
    Handle loop = MakeLoopOf({}, {.start_now = true});
    EXPECT_TRUE(Stop(loop, At(0.1)).ok());
    return loop;
  }
  Handle MakeEnded() {
    Handle loop = MakeLoopOf({});
    EXPECT_TRUE(Stop(loop, At(0.1)).ok());
    return loop;
  }
  static Handle Paused(Handle loop, Context& context) {
    EXPECT_TRUE(Pause(loop, context).ok());
    return loop;
  }
};

TEST_F(LoopSteeringTest, IsForLoopsOnly) {
  for (Handle handle : {MakeTimer(1, true), MakeTask(1)}) {
    EXPECT_THAT(Pause(handle, At(0)), IsRefused(Reason::kWrongKind));
    EXPECT_THAT(Resume(handle, At(0)), IsRefused(Reason::kWrongKind));
    EXPECT_THAT(Reset(handle, At(0)), IsRefused(Reason::kWrongKind));
    EXPECT_THAT(ChangeInterval(handle, Seconds(1), At(0)), IsRefused(Reason::kWrongKind));
    EXPECT_THAT(Trigger(handle, At(0)), IsRefused(Reason::kWrongKind));
  }
}

TEST_F(LoopSteeringTest, IsRefusedWhenALoopStopsOrHasEnded) {
  for (Handle loop : {MakeStopping(), MakeEnded()}) {
    EXPECT_THAT(Pause(loop, At(0.2)), IsRefused(Reason::kNotRunning));
    EXPECT_THAT(Resume(loop, At(0.2)), IsRefused(Reason::kNotRunning));
    EXPECT_THAT(Reset(loop, At(0.2)), IsRefused(Reason::kNotRunning));
    EXPECT_THAT(ChangeInterval(loop, Seconds(1), At(0.2)), IsRefused(Reason::kNotRunning));
    EXPECT_EQ(event_count(), 0u);
  }
  Handle ended = MakeEnded();
  EXPECT_THAT(Trigger(ended, At(0.2)), IsRefused(Reason::kNotRunning));
  EXPECT_THAT(std::string(Trigger(ended, At(0.2)).message()),
              HasSubstr("loop \"l\": ended already in STOPPED"));
}

TEST_F(LoopSteeringTest, HasNoIntervalToMoveInALoopWithCron) {
  Handle loop = MakeLoopOf({.cron = CronSchedule::Parse("@daily", "").value()});
  EXPECT_THAT(Reset(loop, At(0)), IsRefused(Reason::kWrongKind));
  EXPECT_THAT(ChangeInterval(loop, Seconds(1), At(0)), IsRefused(Reason::kWrongKind));
  TIMERD_ASSERT_OK(Stop(loop, At(0)));  // kinds are checked before states
  EXPECT_THAT(Reset(loop, At(0)), IsRefused(Reason::kWrongKind));
}

// ---- Pause and resume --------------------------------------------------------------------------

using PauseTest = LoopSteeringTest;

TEST_F(PauseTest, TakesTheNextDeadlineAway) {
  Handle loop = MakeLoopOf({});
  TIMERD_ASSERT_OK(Pause(loop, At(0.5)));
  EXPECT_EQ(loop.phase, Phase::kPaused);
  EXPECT_EQ(NextDueOf(loop), -1);
  EXPECT_EQ(event_count(), 0u);
}

TEST_F(PauseTest, LetsTheRunUnderWayGoOn) {
  Handle loop = MakeLoopOf({}, {.start_now = true});
  TIMERD_ASSERT_OK(Pause(loop, At(0.5)));
  EXPECT_EQ(loop.phase, Phase::kRunning);
  const auto reported = Report(loop, 1, kSuccess, At(0.7));
  TIMERD_ASSERT_OK(reported);
  EXPECT_TRUE(reported->accepted);
  EXPECT_EQ(reported->next_deadline, std::nullopt);
  EXPECT_EQ(loop.phase, Phase::kPaused);
  EXPECT_EQ(NextDueOf(loop), -1);
}

TEST_F(PauseTest, LetsAFailedRunEndTheLoop) {
  Handle loop = MakeLoopOf({}, {.start_now = true});
  TIMERD_ASSERT_OK(Pause(loop, At(0.5)));
  TIMERD_ASSERT_OK(Report(loop, 1, kFailure, At(0.7)));
  EXPECT_EQ(event().type, EventType::kFailed);
}

TEST_F(PauseTest, IsOverWhenResumedAtTheNextBoundaryAndTellsWhatPassed) {
  Handle loop = MakeLoopOf({});
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 1, 2);
  TIMERD_ASSERT_OK(Pause(loop, At(1.5)));
  TIMERD_ASSERT_OK(Resume(loop, At(4.5)));
  EXPECT_EQ(loop.phase, Phase::kPending);
  EXPECT_EQ(DueOf(loop), 5);
  ExpectTick(loop, 5, 2, 4);
}

TEST_F(PauseTest, IsNotMadeUpForWhateverThePolicy) {
  using Policy = MissedTicks::Policy;
  for (const MissedTicks& missed :
       {MissedTicks{Policy::kRunOnce}, MissedTicks{Policy::kRunAll, 100}}) {
    Handle loop = MakeLoopOf({.missed = missed});
    TIMERD_ASSERT_OK(Pause(loop, At(0.5)));
    TIMERD_ASSERT_OK(Resume(loop, At(4.5)));
    EXPECT_EQ(DueOf(loop), 5);
    ExpectTick(loop, 5, 1, 5);
    ReportSuccess(loop, 5, 6);
  }
}

TEST_F(PauseTest, IsOverOneDelayAfterItIsResumedWithAFixedDelay) {
  Handle loop = MakeLoopOf({.pacing = Pacing::kFixedDelay});
  TIMERD_ASSERT_OK(Pause(loop, At(0.5)));
  TIMERD_ASSERT_OK(Resume(loop, At(4.5)));
  EXPECT_EQ(DueOf(loop), 5.5);
  ExpectTick(loop, 5.5, 1, 1);
}

TEST_F(PauseTest, IsAsIfItHadNotBeenWhenResumedDuringTheRun) {
  Handle loop = MakeLoopOf({}, {.start_now = true});
  TIMERD_ASSERT_OK(Pause(loop, At(0.5)));
  TIMERD_ASSERT_OK(Resume(loop, At(0.6)));
  EXPECT_EQ(loop.phase, Phase::kRunning);
  ReportSuccess(loop, 0.7, 1);
}

TEST_F(PauseTest, IsRefusedWhenThereIsOneAndResumeWhenThereIsNone) {
  Handle loop = MakeLoopOf({});
  EXPECT_THAT(Resume(loop, At(0.1)), IsRefused(Reason::kNotPaused));
  EXPECT_EQ(DueOf(loop), 1);
  TIMERD_ASSERT_OK(Pause(loop, At(0.2)));
  EXPECT_THAT(Pause(loop, At(0.3)), IsRefused(Reason::kPaused));
  Handle running = MakeLoopOf({}, {.start_now = true});
  EXPECT_THAT(Resume(running, At(0.1)), IsRefused(Reason::kNotPaused));
  TIMERD_ASSERT_OK(Pause(running, At(0.2)));
  EXPECT_THAT(Pause(running, At(0.3)), IsRefused(Reason::kPaused));
}

TEST_F(PauseTest, CanEndAsALoopDoesBetweenTwoRuns) {
  Handle stopped = Paused(MakeLoopOf({}), At(0.5));
  TIMERD_ASSERT_OK(Stop(stopped, At(0.6)));
  EXPECT_EQ(event().type, EventType::kStopped);
  Handle cancelled = Paused(MakeLoopOf({}), At(0.5));
  TIMERD_ASSERT_OK(Cancel(cancelled, At(0.6)));
  EXPECT_EQ(event().type, EventType::kCancelled);
  EXPECT_EQ(event().run, 0u);
}

TEST_F(PauseTest, DoesNotStopATimeOut) {
  Handle loop = Paused(MakeLoopOf({}), At(0.5));
  TIMERD_ASSERT_OK(Bound(loop, Seconds(3), std::nullopt, "", At(0.5)));
  EXPECT_EQ(NextDueOf(loop), 3.5);
  Fire(loop, At(3.5));
  EXPECT_EQ(event().type, EventType::kTimedOut);
}

TEST_F(PauseTest, AnswersARepeatedReportOfTheRunBeforeIt) {
  Handle loop = MakeLoopOf({}, {.start_now = true});
  TIMERD_ASSERT_OK(Pause(loop, At(0.5)));
  TIMERD_ASSERT_OK(Report(loop, 1, kSuccess, At(0.7)));
  const auto again = Report(loop, 1, kSuccess, At(0.8));
  TIMERD_ASSERT_OK(again);
  EXPECT_FALSE(again->accepted);
  EXPECT_EQ(again->next_deadline, std::nullopt);
}

// ---- Trigger -----------------------------------------------------------------------------------

using TriggerTest = LoopSteeringTest;

TEST_F(TriggerTest, MakesATickThatStandsForNoInterval) {
  Handle loop = MakeLoopOf({});
  TIMERD_ASSERT_OK(Trigger(loop, At(0.5)));
  EXPECT_EQ(event().type, EventType::kTick);
  EXPECT_TRUE(event().triggered);
  EXPECT_EQ(event().run, 1u);
  EXPECT_EQ(event().count, 0u);
  EXPECT_EQ(event().deadline, std::nullopt);
  EXPECT_EQ(event().wall_deadline, std::nullopt);
  EXPECT_EQ(loop.phase, Phase::kRunning);
  EXPECT_EQ(NextDueOf(loop), -1);  // never two runs at a time
}

TEST_F(TriggerTest, LeavesTheScheduleAndItsCountsAsTheyWere) {
  Handle loop = MakeLoopOf({});
  TIMERD_ASSERT_OK(Trigger(loop, At(0.5)));
  ReportSuccess(loop, 0.8, 1);
  ExpectTick(loop, 1, 2, 1);
  EXPECT_FALSE(event().triggered);
  ReportSuccess(loop, 1.2, 2);
  TIMERD_ASSERT_OK(Trigger(loop, At(1.5)));
  ReportSuccess(loop, 3.5, 4);  // 2 and 3 were missed meanwhile
  ExpectTick(loop, 4, 4, 3);
  EXPECT_EQ(loop.loop->missed_ticks, 2u);
}

TEST_F(TriggerTest, LeavesADeadlineOfAPlainLoopInItsPlace) {
  Handle loop = MakeLoopOf({}, {.plain = true});
  const std::optional<Deadline> due = loop.due;
  TIMERD_ASSERT_OK(Trigger(loop, At(0.5)));
  EXPECT_EQ(event_count(), 1u);
  EXPECT_EQ(event().count, 0u);
  EXPECT_EQ(loop.due, due);
  EXPECT_EQ(loop.phase, Phase::kPending);
  ExpectTick(loop, 1, 2, 1);
}

TEST_F(TriggerTest, LeavesAPausedLoopPaused) {
  Handle loop = Paused(MakeLoopOf({}), At(0.2));
  TIMERD_ASSERT_OK(Trigger(loop, At(0.5)));
  EXPECT_EQ(loop.phase, Phase::kRunning);
  TIMERD_ASSERT_OK(Report(loop, 1, kSuccess, At(0.6)));
  EXPECT_EQ(loop.phase, Phase::kPaused);
  Handle plain = Paused(MakeLoopOf({}, {.plain = true}), At(0.2));
  TIMERD_ASSERT_OK(Trigger(plain, At(0.5)));
  EXPECT_EQ(plain.phase, Phase::kPaused);
  EXPECT_EQ(NextDueOf(plain), -1);
}

TEST_F(TriggerTest, IsRefusedWhileARunIsUnderWay) {
  Handle running = MakeLoopOf({}, {.start_now = true});
  for (Handle loop : {running, MakeStopping()}) {
    const absl::Status refused = Trigger(loop, At(0.5));
    EXPECT_THAT(refused, IsRefused(Reason::kRunUnderWay));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("run 1 is under way"));
    EXPECT_EQ(loop.run, 1u);
  }
}

TEST_F(TriggerTest, MakesRunsThatAreReportedLikeOthers) {
  Handle loop = MakeLoopOf({});
  TIMERD_ASSERT_OK(Trigger(loop, At(0.5)));
  TIMERD_ASSERT_OK(Stop(loop, At(0.6)));
  EXPECT_EQ(loop.phase, Phase::kStopping);
  ReportEnds(loop, 0.7, EventType::kStopped);
}

TEST_F(TriggerTest, IsFollowedAtOnceByWhatItsRunMadeTheLoopMissWhenThatIsMadeUpFor) {
  Handle loop = MakeLoopOf({.missed = {MissedTicks::Policy::kRunOnce}});
  TIMERD_ASSERT_OK(Trigger(loop, At(0.5)));
  ReportSuccess(loop, 1.5, 1.5);
  ExpectTick(loop, 1.5, 2, 1);
}

// ---- Reset -------------------------------------------------------------------------------------

using ResetTest = LoopSteeringTest;

TEST_F(ResetTest, BeginsTheIntervalsAnew) {
  Handle loop = MakeLoopOf({}, {.interval = 2});
  TIMERD_ASSERT_OK(Reset(loop, At(1)));
  ExpectTick(loop, 3, 1, 1);
  ReportSuccess(loop, 3, 5);
  ExpectTick(loop, 5, 2, 1);
}

TEST_F(ResetTest, ForgetsWhatWasMissedBeforeIt) {
  Handle loop = MakeLoopOf({});
  TIMERD_ASSERT_OK(Reset(loop, At(7.5)));  // overdue since 1
  ExpectTick(loop, 8.5, 1, 1);
  EXPECT_EQ(loop.loop->missed_ticks, 0u);
}

TEST_F(ResetTest, HasNoEffectDuringARunAndInAPause) {
  Handle running = MakeLoopOf({}, {.start_now = true});
  TIMERD_ASSERT_OK(Reset(running, At(0.5)));
  ReportSuccess(running, 0.6, 1);
  Handle paused = Paused(MakeLoopOf({}), At(0.2));
  TIMERD_ASSERT_OK(Reset(paused, At(0.5)));
  EXPECT_EQ(NextDueOf(paused), -1);
  TIMERD_ASSERT_OK(Resume(paused, At(0.6)));
  EXPECT_EQ(DueOf(paused), 1);
}

TEST_F(ResetTest, PutsOffAFixedDelay) {
  Handle loop = MakeLoopOf({.pacing = Pacing::kFixedDelay});
  TIMERD_ASSERT_OK(Reset(loop, At(0.5)));
  EXPECT_EQ(DueOf(loop), 1.5);
}

// ---- Another interval --------------------------------------------------------------------------

using ChangeIntervalTest = LoopSteeringTest;

TEST_F(ChangeIntervalTest, MovesAPendingLoopToTheFirstNewBoundary) {
  Handle loop = MakeLoopOf({});
  ExpectTick(loop, 3, 1, 3);
  ReportSuccess(loop, 3, 4);
  TIMERD_ASSERT_OK(ChangeInterval(loop, Seconds(2), At(3.5)));
  ExpectTick(loop, 4, 2, 1);
  ReportSuccess(loop, 4, 6);
  ExpectTick(loop, 6, 3, 1);
  EXPECT_EQ(loop.spec.span, Seconds(1));  // what was asked for at first
}

TEST_F(ChangeIntervalTest, HoldsFromTheReportOnWhenARunIsUnderWay) {
  Handle loop = MakeLoopOf({}, {.start_now = true});
  TIMERD_ASSERT_OK(ChangeInterval(loop, Seconds(4), At(0.5)));
  EXPECT_EQ(NextDueOf(loop), -1);
  ReportSuccess(loop, 1.5, 4);
  ExpectTick(loop, 4, 2, 1);
}

TEST_F(ChangeIntervalTest, HoldsFromTheResumptionOnInAPause) {
  Handle loop = Paused(MakeLoopOf({}), At(0.5));
  TIMERD_ASSERT_OK(ChangeInterval(loop, Seconds(4), At(0.6)));
  EXPECT_EQ(NextDueOf(loop), -1);
  TIMERD_ASSERT_OK(Resume(loop, At(5)));
  EXPECT_EQ(DueOf(loop), 8);
}

TEST_F(ChangeIntervalTest, IsCountedFromTheLastRunWithAFixedDelay) {
  Handle loop = MakeLoopOf({.pacing = Pacing::kFixedDelay});
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 1.5, 2.5);
  TIMERD_ASSERT_OK(ChangeInterval(loop, Seconds(4), At(2)));
  EXPECT_EQ(DueOf(loop), 5.5);
  TIMERD_ASSERT_OK(ChangeInterval(loop, Seconds(0.25), At(2)));
  EXPECT_EQ(DueOf(loop), 1.75);  // has passed: due at once
  ExpectTick(loop, 2, 2, 1);
  TIMERD_ASSERT_OK(ChangeInterval(loop, Seconds(3), At(2.1)));
  ReportSuccess(loop, 2.2, 5.2);
}

TEST_F(ChangeIntervalTest, AllowsNoneWhereALoopMayHaveNone) {
  Handle loop = MakeLoopOf({});
  TIMERD_ASSERT_OK(ChangeInterval(loop, Span::zero(), At(0.5)));
  EXPECT_EQ(DueOf(loop), 0.5);
  ExpectTick(loop, 0.5, 1, 1);
  ReportSuccess(loop, 0.7, 0.7);
  Handle plain = MakeLoopOf({}, {.plain = true});
  Handle makes_up = MakeLoopOf({.missed = {MissedTicks::Policy::kRunOnce}});
  for (Handle* each : {&plain, &makes_up}) {
    const absl::Status refused = ChangeInterval(*each, Span::zero(), At(0.5));
    EXPECT_THAT(refused, IsRefused(Reason::kInvalidField));
    EXPECT_EQ(DetailOf(refused), "interval");
    EXPECT_EQ(each->loop->interval, Seconds(1));
    EXPECT_EQ(DueOf(*each), 1);
  }
}

TEST_F(ChangeIntervalTest, IsRefusedWhenItIsNoLongerThanTheJitter) {
  Handle loop = MakeLoopOf({.jitter = Seconds(0.5)});
  EXPECT_THAT(ChangeInterval(loop, Seconds(0.5), At(0)), IsRefused(Reason::kInvalidField));
  EXPECT_THAT(ChangeInterval(loop, Span::zero(), At(0)), IsRefused(Reason::kInvalidField));
  TIMERD_EXPECT_OK(ChangeInterval(loop, Seconds(0.501), At(0)));
}

}  // namespace
}  // namespace timerd::timer
