#include "server/timer/recurrence.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "tests/support/test_time.h"

namespace timerd::timer {
namespace {

using ::timerd::testing::At;
using ::timerd::testing::kStart;
using ::timerd::testing::Seconds;

TEST(RecurrenceTest, RoundsIndicesDownOnBothSidesOfTheOrigin) {
  EXPECT_EQ(IntervalIndex(kStart, Seconds(1), At(0)), 0);
  EXPECT_EQ(IntervalIndex(kStart, Seconds(1), At(0.999)), 0);
  EXPECT_EQ(IntervalIndex(kStart, Seconds(1), At(1)), 1);
  EXPECT_EQ(IntervalIndex(kStart, Seconds(1), At(-0.001)), -1);
  EXPECT_EQ(IntervalIndex(kStart, Seconds(1), At(-1)), -1);
  EXPECT_EQ(IntervalIndex(kStart, Seconds(1), At(-1.001)), -2);
}

TEST(RecurrenceTest, TakesTheFirstBoundaryStrictlyAfter) {
  EXPECT_EQ(NextBoundary(kStart, Seconds(0.5), At(2)), At(2.5));
  EXPECT_EQ(NextBoundary(kStart, Seconds(0.5), At(2.1)), At(2.5));
  EXPECT_EQ(NextBoundary(kStart, Seconds(0.5), At(2.4999)), At(2.5));
}

TEST(RecurrenceTest, IsDueAtOnceWithoutAnInterval) {
  EXPECT_EQ(NextBoundary(kStart, Span::zero(), At(7.25)), At(7.25));
  EXPECT_EQ(Recurrence(kStart, Span::zero(), nullptr).Count(At(0), At(7)), 1u);
}

TEST(RecurrenceTest, DoesNotDriftInAMillionTicks) {
  const Span third(333'333'333);
  EXPECT_EQ(NextBoundary(kStart, third, kStart + 999'999 * third), kStart + 1'000'000 * third);
}

TEST(RecurrenceTest, CountsEachIntervalOnceHoweverLateTheTicks) {
  const char* given = std::getenv("TIMERD_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "seed " << seed << " (TIMERD_SEED replays)\n";
  std::mt19937_64 random(seed);
  for (int loop = 0; loop < 200; ++loop) {
    const Span interval(1'000'000 + static_cast<int64_t>(random() % 5'000'000'000));
    Instant previous = kStart;
    uint64_t sum = 0;
    for (int tick = 0; tick < 50; ++tick) {
      const Instant reported = previous + Span(random() % (3 * interval.count()));
      const Instant due = NextBoundary(kStart, interval, reported);
      ASSERT_GT(due, reported);
      ASSERT_LE(due - reported, interval);
      const Instant fired = due + Span(random() % (2 * interval.count()));
      sum += Recurrence(kStart, interval, nullptr).Count(previous, fired);
      previous = fired;
    }
    ASSERT_EQ(sum, static_cast<uint64_t>(IntervalIndex(kStart, interval, previous)));
  }
}

}  // namespace
}  // namespace timerd::timer
