#include "tests/timer/machine_fixture.h"

namespace timerd::timer {
namespace {

using TimerTest = MachineTest;

TEST_F(TimerTest, IsDueExactlyTheDelayAfterNow) {
  const Handle timer = MakeTimer(3.5, false, 1);
  EXPECT_EQ(timer.phase, Phase::kPending);
  EXPECT_EQ(DueOf(timer), 4.5);
  EXPECT_EQ(event_count(), 0u);  // nothing fires inside Schedule
}

TEST_F(TimerTest, EndsInFiredWhenItIsPlain) {
  Handle timer = MakeTimer(1, false);
  EXPECT_EQ(Fire(timer, At(1.25)), Fired::kEvent);
  EXPECT_EQ(event().type, EventType::kFired);
  EXPECT_EQ(event().sequence, 1u);
  EXPECT_EQ(event().run, 1u);
  EXPECT_EQ(event().time, ::timerd::testing::At(1.25));
  EXPECT_EQ(event().deadline, ::timerd::testing::At(1));
  EXPECT_EQ(timer.phase, Phase::kEnded);
  EXPECT_EQ(timer.end, event());
}

TEST_F(TimerTest, RunsUntilItsReportWhenItIsReported) {
  Handle timer = MakeTimer(1, true);
  Fire(timer, At(1));
  EXPECT_EQ(timer.phase, Phase::kRunning);
  EXPECT_EQ(NextDueOf(timer), -1);  // a run may take any time
  const auto reported = Report(timer, 1, kSuccess, At(9));
  TIMERD_ASSERT_OK(reported);
  EXPECT_TRUE(reported->accepted);
  EXPECT_EQ(reported->end, EventType::kCompleted);
  EXPECT_EQ(event().type, EventType::kCompleted);
  EXPECT_EQ(event().sequence, 2u);
  EXPECT_EQ(event().payload, "result");
  EXPECT_EQ(timer.phase, Phase::kEnded);
}

TEST_F(TimerTest, FailsWhenItsRunIsReportedAFailure) {
  Handle timer = MakeTimer(1, true);
  Fire(timer, At(1));
  TIMERD_ASSERT_OK(Report(timer, 1, kFailure, At(2)));
  EXPECT_EQ(event().type, EventType::kFailed);
  EXPECT_EQ(event().payload, "broken");
}

TEST_F(TimerTest, IsForgottenWhenItsRetentionIsOver) {
  limits_.retention = Seconds(60);
  Handle timer = MakeTimer(1, false);
  EXPECT_FALSE(IsForgotten(timer, ::timerd::testing::At(100)));
  Fire(timer, At(1));
  EXPECT_EQ(NextDueOf(timer), -1);  // nothing fires
  EXPECT_FALSE(IsForgotten(timer, ::timerd::testing::At(60.999)));
  EXPECT_TRUE(IsForgotten(timer, ::timerd::testing::At(61)));
}

TEST_F(TimerTest, IsCancelledWhilePending) {
  Handle timer = MakeTimer(1, false);
  TIMERD_ASSERT_OK(Cancel(timer, At(0.5)));
  EXPECT_EQ(event().type, EventType::kCancelled);
  EXPECT_EQ(event().run, 0u);
  EXPECT_FALSE(timer.due.has_value());
}

TEST_F(TimerTest, IsCancelledWhileRunning) {
  Handle timer = MakeTimer(1, true);
  Fire(timer, At(1));
  TIMERD_ASSERT_OK(Cancel(timer, At(1.5)));
  EXPECT_EQ(event().type, EventType::kCancelled);
  EXPECT_EQ(event().run, 1u);
}

TEST_F(TimerTest, TellsARepeatedCancelThatItsAimIsReached) {
  Handle timer = MakeTimer(1, false);
  TIMERD_ASSERT_OK(Cancel(timer, At(0.5)));
  EXPECT_THAT(Cancel(timer, At(0.6)), IsRefused(Reason::kAlreadyCancelled));
  EXPECT_EQ(event_count(), 0u);
}

TEST_F(TimerTest, NamesTheEndToACancelThatComesTooLate) {
  Handle timer = MakeTimer(1, false);
  Fire(timer, At(1));
  const absl::Status refused = Cancel(timer, At(2));
  EXPECT_THAT(refused, IsRefused(Reason::kAlreadyCalled));
  EXPECT_EQ(DetailOf(refused), "FIRED");
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("timer \"t\""));
}

TEST_F(TimerTest, MovesFromNow) {
  Handle timer = MakeTimer(10, false);
  const auto moved = Reschedule(timer, FromNow{Seconds(3)}, At(4));
  TIMERD_ASSERT_OK(moved);
  EXPECT_EQ(moved->old_deadline, ::timerd::testing::At(10));
  EXPECT_EQ(moved->deadline, ::timerd::testing::At(7));
  EXPECT_EQ(DueOf(timer), 7);
}

TEST_F(TimerTest, MovesByADelayOfEitherSign) {
  Handle timer = MakeTimer(10, false);
  TIMERD_ASSERT_OK(Reschedule(timer, DelayBy{Seconds(-4)}, At(1)));
  EXPECT_EQ(DueOf(timer), 6);
  TIMERD_ASSERT_OK(Reschedule(timer, DelayBy{Seconds(2)}, At(1)));
  EXPECT_EQ(DueOf(timer), 8);
  TIMERD_ASSERT_OK(Reschedule(timer, DelayBy{Seconds(-20)}, At(1)));
  EXPECT_EQ(DueOf(timer), -12);  // in the past, and ordered by that
}

TEST_F(TimerTest, StopsAt1970WhenItIsMovedBackAgainAndAgain) {
  Handle timer = MakeTimer(10, false);
  for (int i = 0; i < 10; ++i) {
    const auto moved = Reschedule(timer, DelayBy{-limits_.max_delay}, At(1));
    TIMERD_ASSERT_OK(moved);
    EXPECT_EQ(moved->deadline, Instant());
  }
}

TEST_F(TimerTest, TakesItsPlaceBehindEqualDeadlinesWhenMoved) {
  Handle first = MakeTimer(2, false);
  const Handle second = MakeTimer(2, false);
  EXPECT_LT(first.due->key(), second.due->key());
  TIMERD_ASSERT_OK(Reschedule(first, FromNow{Seconds(2)}, At(0)));
  EXPECT_GT(first.due->key(), second.due->key());
}

TEST_F(TimerTest, CannotBeMovedOnceItHasFired) {
  Handle running = MakeTimer(1, true);
  Fire(running, At(1));
  EXPECT_THAT(Reschedule(running, FromNow{Seconds(1)}, At(2)), IsRefused(Reason::kAlreadyCalled));
  Handle fired = MakeTimer(1, false);
  Fire(fired, At(1));
  EXPECT_THAT(Reschedule(fired, FromNow{Seconds(1)}, At(2)), IsRefused(Reason::kAlreadyCalled));
  Handle cancelled = MakeTimer(1, false);
  TIMERD_ASSERT_OK(Cancel(cancelled, At(0)));
  EXPECT_THAT(Reschedule(cancelled, FromNow{Seconds(1)}, At(2)),
              IsRefused(Reason::kAlreadyCancelled));
}

TEST_F(TimerTest, CannotBeMovedPastTheLimit) {
  limits_.max_delay = Seconds(100);
  Handle timer = MakeTimer(90, false);
  EXPECT_THAT(Reschedule(timer, DelayBy{Seconds(10.1)}, At(0)), IsRefused(Reason::kInvalidField));
  EXPECT_EQ(DueOf(timer), 90);
  TIMERD_EXPECT_OK(Reschedule(timer, DelayBy{Seconds(10)}, At(0)));
}

TEST_F(TimerTest, CountsDeadlinesWithinOneTickAsEqual) {
  const Handle later = MakeTimer(0.0009, false);
  const Handle earlier = MakeTimer(0.0001, false);
  EXPECT_LT(later.due->key(), earlier.due->key());  // the one set first acts first
}

TEST_F(TimerTest, FindsWhatDiffersFromARepeatedRequest) {
  Spec spec{.kind = Kind::kTimer, .span = Seconds(1), .payload = "a"};
  const Handle timer = Create("space/t", spec, nullptr, At(0));
  EXPECT_EQ(FindDifference(timer, spec), std::nullopt);
  spec.payload = "b";
  EXPECT_EQ(FindDifference(timer, spec), "payload");
  spec.span = Seconds(2);
  EXPECT_EQ(FindDifference(timer, spec), "delay");
  spec.kind = Kind::kLoop;
  EXPECT_EQ(FindDifference(timer, spec), "kind");
}

}  // namespace
}  // namespace timerd::timer
