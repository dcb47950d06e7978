#include "tests/timer/loop_fixture.h"

namespace timerd::timer {
namespace {

using LoopTest = LoopFixture;

TEST_F(LoopTest, MakesItsFirstTickInsideStartWhenAskedTo) {
  const Handle loop = MakeLoop(1, true);
  EXPECT_EQ(event().type, EventType::kTick);
  EXPECT_EQ(event().run, 1u);
  EXPECT_EQ(event().count, 1u);
  EXPECT_EQ(event().deadline, std::nullopt);
  EXPECT_EQ(loop.phase, Phase::kRunning);
}

TEST_F(LoopTest, NeverHasTwoRunsAtATime) {
  const Handle loop = MakeLoop(1, true);
  EXPECT_EQ(NextDueOf(loop), -1);  // no deadline until the report
}

TEST_F(LoopTest, CountsTheIntervalsOfASlowFunction) {
  Handle loop = MakeLoop(1, true);
  ReportSuccess(loop, 2.5, 3);
  ExpectTick(loop, 3, 2, 3);
  ReportSuccess(loop, 3, 4);
  ExpectTick(loop, 4, 3, 1);
}

TEST_F(LoopTest, MissesABoundaryThatEqualsItsReport) {
  Handle loop = MakeLoop(0.5, true);
  ReportSuccess(loop, 2, 2.5);
  ExpectTick(loop, 2.5, 2, 5);
  ReportSuccess(loop, 3.5, 4);
  ExpectTick(loop, 4, 3, 3);
}

TEST_F(LoopTest, StandsForAllTicksItIsLateFor) {
  Handle loop = MakeLoop(0.5, true);
  ReportSuccess(loop, 0, 0.5);
  ExpectTick(loop, 2.1, 2, 4);
  ReportSuccess(loop, 2.1, 2.5);
}

TEST_F(LoopTest, TellsWhatARunMissedThatBeganInTime) {
  Handle loop = MakeLoop(0.5, true);
  ReportSuccess(loop, 0, 0.5);
  ExpectTick(loop, 0.5, 2, 1);
  ReportSuccess(loop, 2.1, 2.5);
  ExpectTick(loop, 2.5, 3, 4);
}

TEST_F(LoopTest, TakesJitterForNoMiss) {
  Handle loop = MakeLoop(1, true);
  ReportSuccess(loop, 0, 1);
  ExpectTick(loop, 1.02, 2, 1);
  ReportSuccess(loop, 1.02, 2);
  ExpectTick(loop, 2.75, 3, 1);
  ReportSuccess(loop, 2.75, 3);
  ExpectTick(loop, 3.02, 4, 1);
}

TEST_F(LoopTest, WaitsOneIntervalWhenItDoesNotStartNow) {
  Handle loop = MakeLoop(0.2, false);
  EXPECT_EQ(event_count(), 0u);
  ExpectTick(loop, 0.2, 1, 1);
  ReportSuccess(loop, 0.6, 0.8);
  ExpectTick(loop, 0.8, 2, 3);
}

TEST_F(LoopTest, IsDueAtItsReportWithoutAnInterval) {
  Handle loop = MakeLoop(0, true);
  const Handle waiting = MakeTimer(7, false);
  ReportSuccess(loop, 7, 7);
  EXPECT_GT(loop.due->key(), waiting.due->key());  // behind what is due already
  ExpectTick(loop, 7, 2, 1);
}

TEST_F(LoopTest, FailsAtOnceWhenARunFails) {
  Handle loop = MakeLoop(1, true);
  const auto reported = Report(loop, 1, kFailure, At(0.5));
  TIMERD_ASSERT_OK(reported);
  EXPECT_EQ(reported->end, EventType::kFailed);
  EXPECT_EQ(event().payload, "broken");
  EXPECT_FALSE(loop.due.has_value());
}

TEST_F(LoopTest, StopsAtOnceBetweenTwoRuns) {
  Handle loop = MakeLoop(1, false);
  EXPECT_THAT(Stop(loop, At(0.5)), ::timerd::testing::IsOk());
  EXPECT_EQ(event().type, EventType::kStopped);
  EXPECT_EQ(event().run, 0u);
  EXPECT_THAT(Stop(loop, At(0.6)), IsRefused(Reason::kNotRunning));
}

TEST_F(LoopTest, StopsWithTheReportOfTheRunUnderWay) {
  Handle loop = MakeLoop(1, true);
  const auto stopped = Stop(loop, At(0.1));
  TIMERD_ASSERT_OK(stopped);
  EXPECT_EQ(*stopped, Phase::kStopping);
  EXPECT_EQ(event_count(), 0u);
  EXPECT_EQ(NextDueOf(loop), -1);
  EXPECT_THAT(Stop(loop, At(0.2)), IsRefused(Reason::kNotRunning));
  TIMERD_ASSERT_OK(Report(loop, 1, kSuccess, At(0.3)));
  EXPECT_EQ(event().type, EventType::kStopped);
  EXPECT_EQ(event().payload, "result");
}

TEST_F(LoopTest, FailsWhenTheRunUnderWayFailsAfterStop) {
  Handle loop = MakeLoop(1, true);
  TIMERD_ASSERT_OK(Stop(loop, At(0.1)));
  TIMERD_ASSERT_OK(Report(loop, 1, kFailure, At(0.3)));
  EXPECT_EQ(event().type, EventType::kFailed);
}

TEST_F(LoopTest, IsCancelledAtOnceEvenWhileStopping) {
  Handle loop = MakeLoop(1, true);
  TIMERD_ASSERT_OK(Stop(loop, At(0.1)));
  TIMERD_ASSERT_OK(Cancel(loop, At(0.2)));
  EXPECT_EQ(event().type, EventType::kCancelled);
  const auto late = Report(loop, 1, kSuccess, At(0.3));
  TIMERD_ASSERT_OK(late);
  EXPECT_FALSE(late->accepted);
  EXPECT_EQ(late->end, EventType::kCancelled);
}

TEST_F(LoopTest, IsTheOnlyKindThatStopsAndCannotBeMoved) {
  Handle timer = MakeTimer(1, false);
  EXPECT_THAT(Stop(timer, At(0)), IsRefused(Reason::kWrongKind));
  Handle loop = MakeLoop(1, false);
  EXPECT_THAT(Reschedule(loop, FromNow{Seconds(1)}, At(0)), IsRefused(Reason::kWrongKind));
  TIMERD_ASSERT_OK(Cancel(loop, At(0)));  // kinds are checked before states
  EXPECT_THAT(Reschedule(loop, FromNow{Seconds(1)}, At(0)), IsRefused(Reason::kWrongKind));
}

}  // namespace
}  // namespace timerd::timer
