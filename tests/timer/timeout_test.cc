#include "tests/timer/machine_fixture.h"

namespace timerd::timer {
namespace {

class TimeoutTest : public MachineTest {
 protected:
  void BoundAt(Handle& handle, double timeout, double now,
               std::optional<Outcome> fallback = std::nullopt) {
    const auto deadline = Bound(handle, Seconds(timeout), std::move(fallback), "", At(now));
    TIMERD_ASSERT_OK(deadline);
    EXPECT_EQ(*deadline, ::timerd::testing::At(now + timeout));
  }
};

TEST_F(TimeoutTest, MakesATaskThatIsRunningFromTheStart) {
  Handle task = MakeTask(3);
  EXPECT_EQ(task.phase, Phase::kRunning);
  EXPECT_EQ(task.run, 1u);
  EXPECT_EQ(event_count(), 0u);
  EXPECT_EQ(NextDueOf(task), 3);
  TIMERD_ASSERT_OK(Report(task, 1, kSuccess, At(2)));
  EXPECT_EQ(event().type, EventType::kCompleted);
  EXPECT_TRUE(task.timeouts.empty());
}

TEST_F(TimeoutTest, EndsATaskThatIsNotReportedInTime) {
  Handle task = MakeTask(3);
  Fire(task, At(3.001));
  EXPECT_EQ(event().type, EventType::kTimedOut);
  EXPECT_EQ(event().timeout, Seconds(3));
  EXPECT_EQ(event().deadline, ::timerd::testing::At(3));
  EXPECT_EQ(event().run, 1u);
  const auto late = Report(task, 1, kSuccess, At(4));
  TIMERD_ASSERT_OK(late);
  EXPECT_FALSE(late->accepted);
  EXPECT_EQ(late->end, EventType::kTimedOut);
}

TEST_F(TimeoutTest, EndsAPendingTimerThatThenNeverFires) {
  Handle timer = MakeTimer(5, false);
  BoundAt(timer, 3, 0);
  EXPECT_EQ(NextDueOf(timer), 3);
  Fire(timer, At(3));
  EXPECT_EQ(event().type, EventType::kTimedOut);
  EXPECT_EQ(event().run, 0u);
  EXPECT_FALSE(timer.due.has_value());
}

TEST_F(TimeoutTest, BoundsTheRunOfATimerToo) {
  Handle timer = MakeTimer(2, true);
  BoundAt(timer, 3, 0);
  Fire(timer, At(2));
  EXPECT_EQ(event().type, EventType::kFired);
  EXPECT_EQ(NextDueOf(timer), 3);
  Fire(timer, At(3));
  EXPECT_EQ(event().type, EventType::kTimedOut);
  EXPECT_EQ(event().run, 1u);
}

TEST_F(TimeoutTest, IsGoneOnceItsTargetHasEnded) {
  Handle timer = MakeTimer(2, true);
  BoundAt(timer, 3, 0);
  Fire(timer, At(2));
  TIMERD_ASSERT_OK(Report(timer, 1, kSuccess, At(2.9)));
  EXPECT_TRUE(timer.timeouts.empty());
  EXPECT_EQ(timer.end->type, EventType::kCompleted);
}

TEST_F(TimeoutTest, StandsInOneOrderWithFirings) {
  Handle timer = MakeTimer(3, true);
  BoundAt(timer, 3, 0);  // the same instant, set later
  Fire(timer, At(3));
  EXPECT_EQ(event().type, EventType::kFired);
  Fire(timer, At(3));
  EXPECT_EQ(event().type, EventType::kTimedOut);
}

TEST_F(TimeoutTest, BoundsALoopsWholeLife) {
  Handle loop = MakeLoop(1, true);
  BoundAt(loop, 2.5, 0);
  TIMERD_ASSERT_OK(Report(loop, 1, kSuccess, At(0)));
  Fire(loop, At(1));
  TIMERD_ASSERT_OK(Report(loop, 2, kSuccess, At(2.2)));
  EXPECT_EQ(NextDueOf(loop), 2.5);
  Fire(loop, At(2.5));
  EXPECT_EQ(event().type, EventType::kTimedOut);
  EXPECT_EQ(event().run, 0u);  // between two runs
}

TEST_F(TimeoutTest, EndsAsItsFallbackSays) {
  Handle completed = MakeTask(3, Outcome{true, "default"});
  Fire(completed, At(3));
  EXPECT_EQ(event().type, EventType::kCompleted);
  EXPECT_EQ(event().payload, "default");
  EXPECT_TRUE(event().by_timeout);
  EXPECT_EQ(event().timeout, Seconds(3));
  Handle failed = MakeTask(3, Outcome{false, "too slow"});
  Fire(failed, At(3));
  EXPECT_EQ(event().type, EventType::kFailed);
  EXPECT_TRUE(event().by_timeout);
}

TEST_F(TimeoutTest, IsNotACancel) {
  Handle task = MakeTask(3, Outcome{true, "default"});
  TIMERD_ASSERT_OK(Cancel(task, At(1)));
  EXPECT_EQ(event().type, EventType::kCancelled);
  EXPECT_EQ(event().payload, "");  // the fallback plays no part
  EXPECT_FALSE(event().by_timeout);
}

TEST_F(TimeoutTest, ActsOnceWhenThereAreSeveral) {
  Handle timer = MakeTimer(10, false);
  BoundAt(timer, 5, 0);
  BoundAt(timer, 2, 0, Outcome{true, "early"});
  BoundAt(timer, 8, 0);
  EXPECT_EQ(NextDueOf(timer), 2);
  Fire(timer, At(2));
  EXPECT_EQ(event().payload, "early");
  EXPECT_TRUE(timer.timeouts.empty());
}

TEST_F(TimeoutTest, ArmsNothingOnAHandleThatHasEnded) {
  Handle timer = MakeTimer(1, false);
  Fire(timer, At(1));
  const auto deadline = Bound(timer, Seconds(3), std::nullopt, "", At(2));
  TIMERD_ASSERT_OK(deadline);
  EXPECT_EQ(*deadline, std::nullopt);
  EXPECT_TRUE(timer.timeouts.empty());
}

TEST_F(TimeoutTest, IsRefusedPastTheLimit) {
  limits_.max_timeouts = 2;
  Handle timer = MakeTimer(10, false);
  BoundAt(timer, 1, 0);
  BoundAt(timer, 2, 0);
  const auto third = Bound(timer, Seconds(3), std::nullopt, "", At(0));
  EXPECT_THAT(third, IsRefused(Reason::kLimitExceeded));
  EXPECT_EQ(timer.timeouts.size(), 2u);
}

TEST_F(TimeoutTest, OfATaskMovesWithAHeartbeat) {
  Handle task = MakeTask(3);
  const auto moved = Reschedule(task, FromNow{Seconds(4)}, At(2));
  TIMERD_ASSERT_OK(moved);
  EXPECT_EQ(moved->old_deadline, ::timerd::testing::At(3));
  EXPECT_EQ(NextDueOf(task), 6);
  TIMERD_ASSERT_OK(Reschedule(task, DelayBy{Seconds(1)}, At(2)));
  EXPECT_EQ(NextDueOf(task), 7);
  Fire(task, At(7));
  EXPECT_EQ(event().type, EventType::kTimedOut);
  EXPECT_EQ(event().timeout, Seconds(4));
}

TEST_F(TimeoutTest, ThatWasAddedToATaskStaysWhereItIs) {
  Handle task = MakeTask(3);
  BoundAt(task, 5, 0);
  TIMERD_ASSERT_OK(Reschedule(task, FromNow{Seconds(9)}, At(1)));
  EXPECT_EQ(NextDueOf(task), 5);
  ASSERT_EQ(task.timeouts.size(), 2u);
  EXPECT_EQ(task.timeouts[1].due.at, ::timerd::testing::At(10));
}

TEST_F(TimeoutTest, LosesAgainstAReportThatIsHandledFirst) {
  Handle task = MakeTask(3);
  // The deadline has passed, but it has not fired.
  const auto reported = Report(task, 1, kSuccess, At(5));
  TIMERD_ASSERT_OK(reported);
  EXPECT_TRUE(reported->accepted);
}

}  // namespace
}  // namespace timerd::timer
