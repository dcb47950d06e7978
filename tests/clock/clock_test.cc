// Service time.
#include "server/clock/clock.h"

#include "gtest/gtest.h"
#include "tests/support/test_time.h"

namespace timerd::clock {
namespace {

using ::timerd::testing::At;
using ::timerd::testing::kStart;
using ::timerd::testing::Seconds;

TEST(ResumeTimelineTest, BeginsAtUnixTimeWhenNothingIsWritten) {
  EXPECT_EQ(ResumeTimeline(nullptr, ToNanos(kStart)), kStart);
}

TEST(ResumeTimelineTest, GoesOnByWhatTheWallClockSaysTheStopTook) {
  const Reading last{At(100), ToNanos(At(100))};
  EXPECT_EQ(ResumeTimeline(&last, ToNanos(At(160))), At(160));
}

TEST(ResumeTimelineTest, MeasuresTheGapOnlyWhateverTheTwoClocksDifferBy) {
  // The wall clock was set an hour ahead during the last life of the server.
  const Reading last{At(100), ToNanos(At(100 + 3600))};
  EXPECT_EQ(ResumeTimeline(&last, ToNanos(At(130 + 3600))), At(130));
}

TEST(ResumeTimelineTest, StandsStillWhenTheWallClockWentBack) {
  const Reading last{At(100), ToNanos(At(100))};
  EXPECT_EQ(ResumeTimeline(&last, ToNanos(At(40))), At(100));
  EXPECT_EQ(ResumeTimeline(&last, ToNanos(At(100))), At(100));
}

TEST(RealClockTest, RunsFromItsStartAndNeverBack) {
  const RealClock clock(kStart);
  Instant before = clock.Read().now;
  EXPECT_GE(before, kStart);
  for (int i = 0; i < 1000; ++i) {
    const Instant now = clock.Read().now;
    ASSERT_GE(now, before);
    before = now;
  }
  EXPECT_LT(before, kStart + Seconds(3600));
}

TEST(RealClockTest, KnowsWhenAnInstantIsOnTheSteadyClock) {
  const RealClock clock(kStart);
  const auto later = clock.ToSteady(At(5));
  EXPECT_EQ(later - clock.ToSteady(At(2)), Seconds(3));
  const auto steady = std::chrono::steady_clock::now();
  const Instant now = clock.Read().now;
  EXPECT_GE(clock.ToSteady(now), steady);
}

}  // namespace
}  // namespace timerd::clock
