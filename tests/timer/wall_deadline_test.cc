// Absolute deadlines: they stand on the wall clock, and follow it when it is set.
#include <limits>

#include "tests/timer/machine_fixture.h"

namespace timerd::timer {
namespace {

using ::testing::HasSubstr;

class WallDeadlineTest : public MachineTest {
 protected:
  // The moment at which a wall clock that agrees with service time is at `seconds`.
  static int64_t Unix(double seconds) { return ToNanos(::timerd::testing::At(seconds)); }
  Handle MakeAt(double seconds, double now = 0, bool reported = false) {
    return Create("space/t", {.kind = Kind::kTimer, .reported = reported, .at = Unix(seconds)},
                  nullptr, At(now));
  }
  void SetWallAhead(double seconds) { wall_ahead_ = Seconds(seconds); }
};

TEST_F(WallDeadlineTest, IsDueWhenTheWallClockSaysSo) {
  SetWallAhead(3);
  Handle timer = MakeAt(15, 10);
  EXPECT_EQ(NextDueOf(timer), 12);
  EXPECT_EQ(timer.first_deadline, ::timerd::testing::At(12));
  EXPECT_EQ(timer.due->timeline, Timeline::kWall);
  Fire(timer, At(12.5));
  EXPECT_EQ(event().deadline, ::timerd::testing::At(12));
  EXPECT_EQ(event().wall_deadline, Unix(15));
}

TEST_F(WallDeadlineTest, FollowsTheWallClockWhenThatIsSet) {
  const Handle timer = MakeAt(15);
  SetWallAhead(5);
  EXPECT_EQ(NextDueOf(timer), 10);
  SetWallAhead(-5);
  EXPECT_EQ(NextDueOf(timer), 20);
}

TEST_F(WallDeadlineTest, IsDueAtOnceWhenItHasPassedOrIsSetPast) {
  EXPECT_EQ(NextDueOf(MakeAt(-7, 10)), -7);
  Handle timer = MakeAt(15);
  SetWallAhead(60);
  EXPECT_EQ(Fire(timer, At(1)), Fired::kEvent);
  EXPECT_EQ(event().deadline, ::timerd::testing::At(-45));
  EXPECT_EQ(event().wall_deadline, Unix(15));
}

TEST_F(WallDeadlineTest, FiresOnceWhenTheWallClockIsSetBackBehindIt) {
  Handle timer = MakeAt(15);
  Fire(timer, At(15));
  SetWallAhead(-60);
  EXPECT_EQ(NextDueOf(timer), -1);
}

TEST_F(WallDeadlineTest, LeavesDurationsAlone) {
  const Handle timer = MakeTimer(15, false);
  SetWallAhead(60);
  EXPECT_EQ(NextDueOf(timer), 15);
  EXPECT_EQ(timer.due->timeline, Timeline::kService);
}

TEST_F(WallDeadlineTest, IsIndexedOnTheWallClock) {
  const Handle timer = MakeAt(15);
  SetWallAhead(60);
  const IndexKeys indexed = AllDue(timer);
  ASSERT_EQ(indexed.size(), 1u);
  EXPECT_EQ(indexed[0].timeline, Timeline::kWall);
  EXPECT_EQ(SecondsOf(indexed[0].due.deadline), 15);
}

TEST_F(WallDeadlineTest, IsRefusedFurtherAheadThanTheLimit) {
  limits_.max_delay = Seconds(100);
  SetWallAhead(3);
  const Spec at_it{.kind = Kind::kTimer, .at = Unix(113)};
  TIMERD_EXPECT_OK(CheckCreatable(at_it, At(10)));
  const Spec past_it{.kind = Kind::kTimer, .at = Unix(113) + 1};
  const absl::Status refused = CheckCreatable(past_it, At(10));
  EXPECT_THAT(refused, IsRefused(Reason::kInvalidField));
  EXPECT_EQ(DetailOf(refused), "at");
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("2023-11-14T22:15:13.000000001"), HasSubstr("--max-delay=1m40s"),
                    HasSubstr("use an earlier time")));
}

// ---- Moves -------------------------------------------------------------------------------------

using WallMoveTest = WallDeadlineTest;

TEST_F(WallMoveTest, GoesToAnAbsoluteTimeAndFollowsItFromThenOn) {
  SetWallAhead(3);
  Handle timer = MakeTimer(10, false);
  const auto moved = Reschedule(timer, MoveTo{Unix(9)}, At(1));
  TIMERD_ASSERT_OK(moved);
  EXPECT_EQ(moved->old_deadline, ::timerd::testing::At(10));
  EXPECT_EQ(moved->deadline, ::timerd::testing::At(6));
  SetWallAhead(0);
  EXPECT_EQ(NextDueOf(timer), 9);
}

TEST_F(WallMoveTest, StaysOnTheWallClockWhenMovedRelativeToIt) {
  Handle timer = MakeAt(15);
  SetWallAhead(5);
  const auto moved = Reschedule(timer, DelayBy{Seconds(2)}, At(1));
  TIMERD_ASSERT_OK(moved);
  EXPECT_EQ(moved->old_deadline, ::timerd::testing::At(10));
  EXPECT_EQ(moved->deadline, ::timerd::testing::At(12));
  EXPECT_EQ(timer.due->timeline, Timeline::kWall);
  SetWallAhead(0);
  EXPECT_EQ(NextDueOf(timer), 17);
}

TEST_F(WallMoveTest, LeavesTheWallClockWhenMovedFromNow) {
  Handle timer = MakeAt(15);
  TIMERD_ASSERT_OK(Reschedule(timer, FromNow{Seconds(2)}, At(1)));
  SetWallAhead(60);
  EXPECT_EQ(NextDueOf(timer), 3);
}

TEST_F(WallMoveTest, MovesTheTimeOutOfATaskToo) {
  Handle task = MakeTask(10);
  TIMERD_ASSERT_OK(Bound(task, Seconds(20), std::nullopt, "", At(0)));
  TIMERD_ASSERT_OK(Reschedule(task, MoveTo{Unix(30)}, At(1)));
  EXPECT_EQ(NextDueOf(task), 20);
  SetWallAhead(15);  // now the task's own is the earlier one
  EXPECT_EQ(NextDueOf(task), 15);
  Fire(task, At(15));
  EXPECT_EQ(event().type, EventType::kTimedOut);
  EXPECT_EQ(event().timeout, Seconds(29));  // as it was last moved from now
  EXPECT_EQ(event().deadline, ::timerd::testing::At(15));
}

TEST_F(WallMoveTest, IsRefusedPastTheLimit) {
  limits_.max_delay = Seconds(100);
  SetWallAhead(3);
  Handle timer = MakeTimer(10, false);
  const auto refused = Reschedule(timer, MoveTo{Unix(113) + 1}, At(10));
  EXPECT_THAT(refused, IsRefused(Reason::kInvalidField));
  EXPECT_EQ(DetailOf(refused.status()), "at");
  EXPECT_EQ(DueOf(timer), 10);
  TIMERD_EXPECT_OK(Reschedule(timer, MoveTo{Unix(113)}, At(10)));
}

// The last time that the API's nanoseconds reach, beside a wall clock behind service time.
TEST_F(WallMoveTest, DoesNotWrapAroundAtTheEndOfTime) {
  SetWallAhead(-10);
  Handle timer = MakeTimer(10, false);
  EXPECT_THAT(Reschedule(timer, MoveTo{std::numeric_limits<int64_t>::max()}, At(1)),
              IsRefused(Reason::kInvalidField));
  EXPECT_EQ(DueOf(timer), 10);
  EXPECT_THAT(
      CheckCreatable({.kind = Kind::kTimer, .at = std::numeric_limits<int64_t>::max()}, At(1)),
      IsRefused(Reason::kInvalidField));
}

}  // namespace
}  // namespace timerd::timer
