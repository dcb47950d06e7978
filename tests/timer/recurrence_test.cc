#include "server/timer/recurrence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <random>
#include <set>
#include <vector>

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

TEST(RecurrenceTest, EndsWhereInstantsDo) {
  const Span century = std::chrono::hours(24 * 365 * 100);
  EXPECT_EQ(NextBoundary(kStart, century, At(0)), kStart + century);
  EXPECT_EQ(NextBoundary(kStart, century, kStart + 2 * century), Instant::max());
  EXPECT_EQ(NextBoundary(kStart, century, Instant::max()), Instant::max());
}

// ---- Against brute force -----------------------------------------------------------------------

// All boundaries of a loop in a span of time, one by one, from which everything else is counted.
class RecurrenceModelTest : public ::testing::Test {
 protected:
  RecurrenceModelTest() {
    const char* given = std::getenv("TIMERD_SEED");
    const uint64_t seed =
        given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::cout << "seed " << seed << " (TIMERD_SEED replays)\n";
    random_.seed(seed);
  }

  Span Pick(Span most) { return Span(static_cast<int64_t>(random_() % (most.count() + 1))); }

  static uint64_t CountIn(const std::vector<Instant>& boundaries, Instant after, Instant through) {
    return std::count_if(boundaries.begin(), boundaries.end(),
                         [&](Instant each) { return each > after && each <= through; });
  }
  // Of those from `first` to `through`: the last `most`, of them those of the window, and of none
  // the last one.
  static Instant EarliestOf(const std::vector<Instant>& boundaries, Instant first, Instant through,
                            uint64_t most, Span window) {
    std::vector<Instant> due;
    std::copy_if(boundaries.begin(), boundaries.end(), std::back_inserter(due),
                 [&](Instant each) { return each >= first && each <= through; });
    const Instant last = due.back();
    if (due.size() > most) {
      due.erase(due.begin(), due.end() - static_cast<ptrdiff_t>(most));
    }
    if (window > Span::zero()) {
      std::erase_if(due, [&](Instant each) { return each < through - window; });
    }
    return due.empty() ? last : due.front();
  }

  // Compares `recurrence` with `boundaries`, all that it has from `begin` to `end`. Returns how
  // often ticks were left out.
  int Compare(const Recurrence& recurrence, const std::vector<Instant>& boundaries, Instant begin,
              Instant end) {
    int left_out = 0;
    for (int i = 0; i < 50; ++i) {
      const Instant after = begin + Pick(end - begin);
      const Instant through = after + Pick(end - after);
      const uint64_t count = CountIn(boundaries, after, through);
      EXPECT_EQ(recurrence.Count(after, through), std::max<uint64_t>(1, count));
      if (count == 0) {
        continue;
      }
      const Instant first = recurrence.Next(after);
      EXPECT_EQ(first, *std::upper_bound(boundaries.begin(), boundaries.end(), after));
      const uint64_t most = 1 + random_() % (count + 2);
      // Exactly as old as a boundary, a nanosecond beside it, anything, or no window.
      const Instant old = boundaries[random_() % boundaries.size()];
      const Span windows[] = {through - old, through - old + Span(1), through - old - Span(1),
                              Pick(end - begin), Span::zero()};
      const Span window = std::max(Span::zero(), windows[random_() % std::size(windows)]);
      const Instant earliest = recurrence.EarliestOfLast(first, through, most, window);
      EXPECT_EQ(earliest, EarliestOf(boundaries, first, through, most, window))
          << "after " << ToNanos(after) << " through " << ToNanos(through) << " most " << most
          << " window " << window.count();
      left_out += earliest != first;
    }
    return left_out;
  }

  std::mt19937_64 random_;
};

TEST_F(RecurrenceModelTest, HoldsForIntervals) {
  int left_out = 0;
  for (int loop = 0; loop < 300 && !HasFailure(); ++loop) {
    const Span interval = Span(1'000'000) + Pick(Seconds(5));
    const Instant origin = kStart + Pick(interval);
    std::vector<Instant> boundaries;
    for (int i = 1; i <= 60; ++i) {
      boundaries.push_back(origin + i * interval);
    }
    left_out += Compare({origin, interval, nullptr}, boundaries, origin,
                        boundaries.back() + interval - Span(1));
  }
  EXPECT_GT(left_out, 1000);
}

TEST_F(RecurrenceModelTest, HoldsForCron) {
  int left_out = 0;
  for (const char* expression :
       {"* * * * * *", "*/7 * * * * *", "3,4,50 */2 * * * *", "0 30 2 * * *", "0 0 0 1 * *"}) {
    const auto schedule = CronSchedule::Parse(expression, "Europe/Berlin").value();
    // Over the end of summer time.
    const Instant begin = InstantFromNanos(1'698'500'000'000'000'000) + Pick(Seconds(86'400));
    std::vector<Instant> boundaries;
    int64_t at = ToNanos(begin);
    for (int i = 0; i < 120; ++i) {
      at = *schedule->Next(at);
      boundaries.push_back(InstantFromNanos(at));
    }
    const Instant end = InstantFromNanos(*schedule->Next(at) - 1);
    for (int i = 0; i < 10 && !HasFailure(); ++i) {
      left_out += Compare({Instant(), Span::zero(), schedule.get()}, boundaries, begin, end);
    }
  }
  EXPECT_GT(left_out, 300);
}

// ---- Jitter ------------------------------------------------------------------------------------

TEST(JitterTest, IsTheSameForTheSameKeyAndBoundaryAlone) {
  EXPECT_EQ(JitterOf("space/a", At(1), Seconds(1)), JitterOf("space/a", At(1), Seconds(1)));
  EXPECT_NE(JitterOf("space/a", At(1), Seconds(1)), JitterOf("space/a", At(2), Seconds(1)));
  EXPECT_NE(JitterOf("space/a", At(1), Seconds(1)), JitterOf("space/b", At(1), Seconds(1)));
}

// A tick is due then after an upgrade, too.
TEST(JitterTest, NeverChanges) {
  EXPECT_EQ(JitterOf("space/a", At(1), Seconds(1)).count(), 60'149'284);
}

TEST(JitterTest, ReachesBothOfItsBounds) {
  std::set<int64_t> jitters;
  for (int i = 0; i < 200; ++i) {
    jitters.insert(JitterOf("space/a", At(i), Span(3)).count());
  }
  EXPECT_EQ(jitters, (std::set<int64_t>{0, 1, 2, 3}));
}

TEST(JitterTest, IsNoneWhereThereIsNoRoom) {
  EXPECT_EQ(JitterOf("space/a", At(1), Span::zero()), Span::zero());
  EXPECT_EQ(JitterOf("space/a", At(1), Span(-5)), Span::zero());
}

}  // namespace
}  // namespace timerd::timer
