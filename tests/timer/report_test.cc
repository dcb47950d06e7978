#include "tests/timer/machine_fixture.h"

namespace timerd::timer {
namespace {

using ReportTest = MachineTest;

TEST_F(ReportTest, IsHarmlessWhenRepeated) {
  Handle timer = MakeTimer(1, true);
  Fire(timer, At(1));
  TIMERD_ASSERT_OK(Report(timer, 1, kSuccess, At(2)));
  const auto again = Report(timer, 1, kSuccess, At(3));
  TIMERD_ASSERT_OK(again);
  EXPECT_FALSE(again->accepted);
  EXPECT_EQ(again->end, EventType::kCompleted);
  EXPECT_EQ(event_count(), 0u);
}

TEST_F(ReportTest, IsRefusedWhenItContradictsTheFirst) {
  Handle timer = MakeTimer(1, true);
  Fire(timer, At(1));
  TIMERD_ASSERT_OK(Report(timer, 1, kSuccess, At(2)));
  EXPECT_THAT(Report(timer, 1, kFailure, At(3)), IsRefused(Reason::kAlreadyReported));
  EXPECT_EQ(timer.end->type, EventType::kCompleted);
}

TEST_F(ReportTest, IsRefusedBeforeTheRunBegins) {
  Handle timer = MakeTimer(1, true);
  EXPECT_THAT(Report(timer, 1, kSuccess, At(0.5)), IsRefused(Reason::kNotFired));
  Fire(timer, At(1));
  EXPECT_THAT(Report(timer, 2, kSuccess, At(1)), IsRefused(Reason::kNotFired));
}

TEST_F(ReportTest, IsRefusedForAPlainTimerEvenOnceItHasFired) {
  Handle timer = MakeTimer(1, false);
  EXPECT_THAT(Report(timer, 1, kSuccess, At(0)), IsRefused(Reason::kWrongKind));
  Fire(timer, At(1));
  EXPECT_THAT(Report(timer, 1, kSuccess, At(1)), IsRefused(Reason::kWrongKind));
}

TEST_F(ReportTest, IsNotAcceptedAfterACancel) {
  Handle timer = MakeTimer(1, true);
  Fire(timer, At(1));
  TIMERD_ASSERT_OK(Cancel(timer, At(2)));
  for (const Outcome& outcome : {kSuccess, kFailure, kSuccess}) {  // the same, always
    const auto late = Report(timer, 1, outcome, At(3));
    TIMERD_ASSERT_OK(late);
    EXPECT_FALSE(late->accepted);
    EXPECT_EQ(late->end, EventType::kCancelled);
  }
}

TEST_F(ReportTest, RepeatsARunOfALoopThatHasGoneOn) {
  Handle loop = MakeLoop(1, true);
  TIMERD_ASSERT_OK(Report(loop, 1, kSuccess, At(0.5)));
  const auto again = Report(loop, 1, kSuccess, At(0.6));
  TIMERD_ASSERT_OK(again);
  EXPECT_FALSE(again->accepted);
  EXPECT_EQ(again->end, std::nullopt);
  EXPECT_EQ(again->next_deadline, ::timerd::testing::At(1));
  Fire(loop, At(1));
  TIMERD_ASSERT_OK(Report(loop, 2, kSuccess, At(1.5)));
  TIMERD_EXPECT_OK(Report(loop, 1, kSuccess, At(1.6)));
  EXPECT_THAT(Report(loop, 1, kFailure, At(1.6)), IsRefused(Reason::kAlreadyReported));
  EXPECT_EQ(loop.phase, Phase::kPending);
}

}  // namespace
}  // namespace timerd::timer
