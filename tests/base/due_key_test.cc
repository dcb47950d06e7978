// Deadlines, ticks and their order.
#include "server/base/due_key.h"

#include "gtest/gtest.h"

namespace timerd {
namespace {

constexpr int64_t kTick = kTickDuration.count();

TEST(TickTest, RoundsADeadlineUpSoThatNothingIsEarly) {
  EXPECT_EQ(TickOf(InstantFromNanos(7 * kTick)), 7u);
  EXPECT_EQ(TickOf(InstantFromNanos(7 * kTick + 1)), 8u);
  EXPECT_EQ(TickOf(InstantFromNanos(8 * kTick - 1)), 8u);
}

TEST(TickTest, RoundsTheTimeDownSoThatNothingIsEarly) {
  EXPECT_EQ(TickReached(InstantFromNanos(7 * kTick)), 7u);
  EXPECT_EQ(TickReached(InstantFromNanos(8 * kTick - 1)), 7u);
}

TEST(TickTest, ReachesADeadlineNeverBeforeItsInstant) {
  int compared = 0;
  for (int64_t deadline = 0; deadline < 4 * kTick; deadline += kTick / 7) {
    for (int64_t now = 0; now < 6 * kTick; now += kTick / 11, ++compared) {
      if (TickReached(InstantFromNanos(now)) >= TickOf(InstantFromNanos(deadline))) {
        ASSERT_GE(now, deadline);
      }
    }
  }
  EXPECT_GT(compared, 1000);
}

TEST(TickTest, CountsWhatIsBefore1970As1970) {
  EXPECT_EQ(TickOf(InstantFromNanos(-5)), 0u);
  EXPECT_EQ(TickReached(InstantFromNanos(-5)), 0u);
  EXPECT_EQ(TickOf(Instant::min()), 0u);
}

TEST(TickTest, HoldsTheLastInstant) {
  EXPECT_GE(TickOf(Instant::max()), TickReached(Instant::max()));
  EXPECT_EQ(TickStart(TickReached(Instant::max())),
            InstantFromNanos(ToNanos(Instant::max()) / kTick * kTick));
}

TEST(DueKeyTest, OrdersByTickAndThenByPlace) {
  const auto key = [](int64_t ns, uint64_t place) {
    return Deadline{InstantFromNanos(ns), place}.key();
  };
  EXPECT_LT(key(kTick, 9), key(kTick + 1, 1));
  EXPECT_LT(key(kTick + 900, 1), key(kTick + 100, 2));  // equal: one tick
  EXPECT_EQ(key(kTick + 900, 1), key(kTick + 100, 1));
  EXPECT_LT(key(2 * kTick, kLastPlace), key(2 * kTick + 1, 0));
}

// ---- Two clocks --------------------------------------------------------------------------------

TEST(WallAheadTest, IsInWholeTicksAndNeverMoreThanTheClocksDiffer) {
  const Instant now = InstantFromNanos(10 * kTick + 3);
  EXPECT_EQ(WallAhead(now, ToNanos(now)), Span::zero());
  EXPECT_EQ(WallAhead(now, ToNanos(now) + kTick - 1), Span::zero());
  EXPECT_EQ(WallAhead(now, ToNanos(now) + kTick), kTickDuration);
  EXPECT_EQ(WallAhead(now, ToNanos(now) - 1), -kTickDuration);
  EXPECT_EQ(WallAhead(now, ToNanos(now) - kTick), -kTickDuration);
  EXPECT_EQ(WallAhead(now, ToNanos(now) - kTick - 1), -2 * kTickDuration);
}

TEST(WallAheadTest, MakesNoDeadlineOfTheWallClockEarly) {
  int reached = 0;
  const Instant now = InstantFromNanos(1000 * kTick);
  for (int64_t unix_now = 999 * kTick; unix_now < 1002 * kTick; unix_now += kTick / 13) {
    for (int64_t at = 999 * kTick; at < 1002 * kTick; at += kTick / 7) {
      const Deadline deadline{InstantFromNanos(at), 1, Timeline::kWall};
      if (deadline.key(WallAhead(now, unix_now)).deadline <= now) {
        ASSERT_GE(unix_now, at);
        ++reached;
      }
    }
  }
  EXPECT_GT(reached, 100);
}

TEST(DeadlineTest, FollowsTheWallClockWhereItStandsOnThat) {
  const Span ahead = 5 * kTickDuration;
  const Instant at = InstantFromNanos(20 * kTick);
  EXPECT_EQ((Deadline{at, 1, Timeline::kWall}).ServiceTime(ahead), at - ahead);
  EXPECT_EQ((Deadline{at, 1, Timeline::kService}).ServiceTime(ahead), at);
  EXPECT_EQ((Deadline{at, 1, Timeline::kRetention}).ServiceTime(ahead), at);
  EXPECT_EQ((Deadline{at, 7, Timeline::kWall}).key(ahead), (DueKey{at - ahead, 7}));
}

TEST(DeadlineTest, IsIndexedOnItsOwnTimelineRoundedUp) {
  const Deadline deadline{InstantFromNanos(20 * kTick + 1), 7, Timeline::kWall};
  EXPECT_EQ(deadline.index_key(), (IndexKey{Timeline::kWall, {InstantFromNanos(21 * kTick), 7}}));
}

}  // namespace
}  // namespace timerd
