// Heartbeats: a task whose time-out is moved on and on, and how seldom that needs to be written.
#include <algorithm>

#include "tests/timer/machine_fixture.h"

namespace timerd::timer {
namespace {

class HeartbeatTest : public MachineTest {
 protected:
  // A heartbeat at `now` for another `timeout`; returns whether it has to be written.
  bool Beat(Handle& task, double now, double timeout) {
    Context& context = At(now);
    const auto moved = Reschedule(task, FromNow{Seconds(timeout)}, context);
    EXPECT_TRUE(moved.ok()) << moved.status();
    EXPECT_EQ(NextDueOf(task), now + timeout);  // exact, whatever is written down
    return !context.covered;
  }
  // When the first time-out would act if what is written down were all that is left.
  static double WrittenOf(const Handle& task) {
    const Timeout& timeout = task.timeouts.at(0);
    return SecondsOf(timeout.reserved.value_or(timeout.due).at);
  }
};

TEST_F(HeartbeatTest, IsWrittenAtMostOnceAQuarterOfTheTimeOut) {
  Handle task = MakeTask(40);
  int written = 0;
  int beats = 0;
  for (double now = 1; now <= 400; now += 1, ++beats) {
    written += Beat(task, now, 40);
  }
  EXPECT_EQ(beats, 400);
  EXPECT_LE(written, 41);
  EXPECT_GE(written, 30);  // what is written down keeps up
}

TEST_F(HeartbeatTest, IsCoveredUntilItsDeadlinePassesWhatIsWrittenDown) {
  Handle task = MakeTask(40);
  EXPECT_TRUE(Beat(task, 2, 40));
  EXPECT_EQ(WrittenOf(task), 52);  // 42, and a quarter of 40
  EXPECT_FALSE(Beat(task, 3, 40));
  EXPECT_FALSE(Beat(task, 12, 40));
  EXPECT_EQ(WrittenOf(task), 52);
  EXPECT_TRUE(Beat(task, 12.001, 40));
  EXPECT_EQ(WrittenOf(task), 62.001);
}

TEST_F(HeartbeatTest, NeverRunsAheadOfWhatIsWrittenDown) {
  Handle task = MakeTask(8);
  int beats = 0;
  double now = 0;
  for (int i = 0; i < 1000; ++i, ++beats) {
    now += (i % 7) * 0.25;
    Beat(task, now, 1 + (i * i) % 8);
    EXPECT_GE(WrittenOf(task), NextDueOf(task));
  }
  EXPECT_EQ(beats, 1000);
}

TEST_F(HeartbeatTest, IsWrittenWhenItMakesTheTimeOutEarlier) {
  Handle task = MakeTask(40);
  Beat(task, 2, 40);
  EXPECT_TRUE(Beat(task, 3, 10));
  EXPECT_EQ(WrittenOf(task), 13);
  EXPECT_FALSE(HasReservation(task));
}

// Its event tells the length.
TEST_F(HeartbeatTest, IsWrittenWhenItChangesTheLengthOfTheTimeOut) {
  Handle task = MakeTask(40);
  Beat(task, 2, 40);
  EXPECT_FALSE(Beat(task, 3, 40));
  EXPECT_TRUE(Beat(task, 3.5, 44));
  EXPECT_FALSE(Beat(task, 4, 44));
}

TEST_F(HeartbeatTest, TellsTheTimeOutAsItWasLastAskedFor) {
  Handle task = MakeTask(40);
  Beat(task, 2, 40);
  Beat(task, 3, 44);
  Fire(task, At(47));
  EXPECT_EQ(event().type, EventType::kTimedOut);
  EXPECT_EQ(event().deadline, ::timerd::testing::At(47));
  EXPECT_EQ(event().timeout, Seconds(44));
}

TEST_F(HeartbeatTest, IndexesTheHandleByWhatIsWrittenDown) {
  Handle task = MakeTask(40);
  Beat(task, 2, 40);
  const IndexKeys indexed = AllDue(task);
  Beat(task, 3, 40);
  EXPECT_EQ(AllDue(task), indexed);  // covered: the index stays as it is
  ASSERT_EQ(indexed.size(), 1u);
  EXPECT_EQ(SecondsOf(indexed[0].due.deadline), 52);
}

TEST_F(HeartbeatTest, IsNoMatterOfTheOtherWaysToMove) {
  Handle task = MakeTask(40);
  Beat(task, 2, 40);
  Context& by = At(3);
  TIMERD_ASSERT_OK(Reschedule(task, DelayBy{Seconds(5)}, by));
  EXPECT_FALSE(by.covered);
  EXPECT_FALSE(HasReservation(task));
  Beat(task, 30, 40);
  Context& to = At(31);
  TIMERD_ASSERT_OK(Reschedule(task, MoveTo{ToNanos(::timerd::testing::At(75))}, to));
  EXPECT_FALSE(to.covered);
  EXPECT_FALSE(HasReservation(task));
}

TEST_F(HeartbeatTest, LeavesATimerAlone) {
  Handle timer = MakeTimer(40, true);
  Context& context = At(2);
  TIMERD_ASSERT_OK(Reschedule(timer, FromNow{Seconds(40)}, context));
  EXPECT_FALSE(context.covered);
  EXPECT_FALSE(HasReservation(timer));
}

TEST_F(HeartbeatTest, DoesNotMoveOtherTimeOuts) {
  Handle task = MakeTask(40);
  TIMERD_ASSERT_OK(Bound(task, Seconds(50), std::nullopt, "", At(0)));
  Context& context = At(30);
  TIMERD_ASSERT_OK(Reschedule(task, FromNow{Seconds(40)}, context));
  EXPECT_EQ(NextDueOf(task), 50);
  Fire(task, At(50));
  EXPECT_EQ(event().timeout, Seconds(50));
}

TEST_F(HeartbeatTest, TakesAPlaceBehindEqualDeadlines) {
  Handle task = MakeTask(40);
  Beat(task, 2, 40);
  const Handle timer = MakeTimer(40, false, 3);
  EXPECT_FALSE(Beat(task, 3, 40));  // covered, and yet a new place
  EXPECT_GT(*NextDue(task, {}), *NextDue(timer, {}));
}

}  // namespace
}  // namespace timerd::timer
