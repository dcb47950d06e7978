#include "client/cli/time_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace timerd::cli {
namespace {

using ::testing::HasSubstr;

google::protobuf::Timestamp At(int64_t seconds, int32_t nanos = 0) {
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(nanos);
  return timestamp;
}

constexpr int64_t kNine = 1'795'510'800;  // 2026-11-24T09:00:00Z

TEST(ParseTimestampTest, ReadsRfc3339) {
  const struct {
    absl::string_view text;
    int64_t seconds;
    int32_t nanos;
  } cases[] = {
      {"2026-11-24T09:00:00Z", kNine, 0},           {"2026-11-24t09:00:00z", kNine, 0},
      {"2026-11-24 09:00:00Z", kNine, 0},           {"2026-11-24T09:00Z", kNine, 0},
      {"2026-11-24T10:00:00+01:00", kNine, 0},      {"2026-11-24T03:30:00-05:30", kNine, 0},
      {"2026-11-24T09:00:00.000000001Z", kNine, 1}, {"2026-11-24T09:00:00.5Z", kNine, 500'000'000},
      {"1969-12-31T23:59:59.25Z", -1, 250'000'000}, {"0001-01-01T00:00:00Z", -62'135'596'800, 0},
      {"9999-12-31T23:59:59Z", 253'402'300'799, 0},
  };
  for (const auto& c : cases) {
    const auto parsed = ParseTimestamp(c.text);
    ASSERT_TRUE(parsed.ok()) << c.text << ": " << parsed.status();
    EXPECT_EQ(parsed->seconds(), c.seconds) << c.text;
    EXPECT_EQ(parsed->nanos(), c.nanos) << c.text;
  }
}

TEST(ParseTimestampTest, RefusesATimeWithoutAZoneAndSaysWhatToWrite) {
  EXPECT_THAT(std::string(ParseTimestamp("2026-11-24 09:00").status().message()),
              HasSubstr("write 2026-11-24T09:00Z for UTC or 2026-11-24T09:00+01:00"));
  EXPECT_THAT(std::string(ParseTimestamp("2026-11-24").status().message()),
              HasSubstr("without a time of day"));
}

TEST(ParseTimestampTest, RefusesGarbage) {
  for (const absl::string_view text :
       {"", "now", "tomorrow", "09:00", "infinite-future", "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-11-24T25:00:00Z", " 2026-11-24T09:00:00Z",
        "2026-11-24T09:00:00Z ", "2026-11-24T09:00:00Zulu", "12026-11-24T09:00:00Z",
        "-026-11-24T09:00:00Z", "2026-11-24T09:00:00 CET", "1795510800", "2026-11-24X09:00:00Z",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"}) {
    EXPECT_FALSE(ParseTimestamp(text).ok()) << text;
  }
}

TEST(LocalTimeTest, TruncatesToMillisecondsInTheZoneAskedFor) {
  EXPECT_EQ(LocalTime(At(kNine, 999'999'999), absl::UTCTimeZone()), "2026-11-24 09:00:00.999");
  EXPECT_EQ(LocalTime(At(kNine), absl::FixedTimeZone(3600)), "2026-11-24 10:00:00.000");
}

TEST(RoughSpanTest, KeepsAboutThreeDigits) {
  EXPECT_EQ(RoughSpan(absl::Microseconds(430)), "0.4 ms");
  EXPECT_EQ(RoughSpan(absl::Milliseconds(3)), "3 ms");
  EXPECT_EQ(RoughSpan(absl::Milliseconds(250)), "250 ms");
  EXPECT_EQ(RoughSpan(absl::Milliseconds(3500)), "3.5 s");
  EXPECT_EQ(RoughSpan(absl::Seconds(299)), "4m 59s");
  EXPECT_EQ(RoughSpan(absl::Seconds(300)), "5m");
  EXPECT_EQ(RoughSpan(absl::Minutes(90)), "1h 30m");
  EXPECT_EQ(RoughSpan(absl::Hours(51)), "2d 3h");
  EXPECT_EQ(RoughSpan(-absl::Seconds(2)), "2 s");
}

TEST(RoughSpanTest, RoundsIntoTheNextUnitRatherThanToSixty) {
  EXPECT_EQ(RoughSpan(absl::Microseconds(9'960)), "10 ms");
  EXPECT_EQ(RoughSpan(absl::Microseconds(999'600)), "1 s");
  EXPECT_EQ(RoughSpan(absl::Milliseconds(59'970)), "1m");
  EXPECT_EQ(RoughSpan(absl::Milliseconds(3'599'600)), "1h");
  EXPECT_EQ(RoughSpan(absl::Seconds(86'399)), "1d");
}

TEST(RelativeTest, SaysInOrAgo) {
  EXPECT_EQ(Relative(At(kNine + 5), At(kNine)), "in 5 s");
  EXPECT_EQ(Relative(At(kNine), At(kNine + 5)), "5 s ago");
  EXPECT_EQ(Relative(At(kNine), At(kNine)), "now");
}

TEST(LatenessTest, NeverHidesAnEarlyFiring) {
  EXPECT_EQ(Lateness(At(kNine), At(kNine, 400'000)), "0.4 ms late");
  EXPECT_EQ(Lateness(At(kNine), At(kNine, 49'999)), "on time");
  EXPECT_EQ(Lateness(At(kNine), At(kNine)), "on time");
  EXPECT_EQ(Lateness(At(kNine, 2'000'000), At(kNine)), "2 ms EARLY");
}

}  // namespace
}  // namespace timerd::cli
