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

}  // namespace
}  // namespace timerd
