#include "server/timer/cron.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <limits>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/timer/cron_fixture.h"

namespace timerd::timer {
namespace {

using ::timerd::testing::Cron;
using ::timerd::testing::Fires;
using ::timerd::testing::Times;
using ::timerd::testing::UnixNanos;

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kFirstNano = std::numeric_limits<int64_t>::min();
constexpr int64_t kLastNano = std::numeric_limits<int64_t>::max();

TEST(CronScheduleTest, FiresAtTheLocalTimesOfItsZone) {
  EXPECT_EQ(Fires("30 9 * * MON-FRI", "America/New_York", "2026-01-02T12:00:00Z", 3),
            (Times{"2026-01-02T09:30:00-05:00", "2026-01-05T09:30:00-05:00",
                   "2026-01-06T09:30:00-05:00"}));
}

TEST(CronScheduleTest, MeansUtcWithoutATimeZone) {
  EXPECT_EQ(Fires("0 12 * * *", "", "2026-07-01T00:00:00Z", 1),
            (Times{"2026-07-01T12:00:00+00:00"}));
}

TEST(CronScheduleTest, TakesSecondsFirstWhenThereAreSixFields) {
  EXPECT_EQ(Fires("15,45 59 23 31 12 *", "", "2026-12-31T23:59:15Z", 2),
            (Times{"2026-12-31T23:59:45+00:00", "2027-12-31T23:59:15+00:00"}));
}

TEST(CronScheduleTest, FiresStrictlyAfterTheMomentAskedFor) {
  const auto schedule = Cron("* * * * * *", "");
  EXPECT_EQ(schedule->Next(5 * kNanosPerSecond - 1), 5 * kNanosPerSecond);
  EXPECT_EQ(schedule->Next(5 * kNanosPerSecond), 6 * kNanosPerSecond);
  EXPECT_EQ(schedule->Next(5 * kNanosPerSecond + 1), 6 * kNanosPerSecond);
}

TEST(CronScheduleTest, RoundsTimesBefore1970Down) {
  const auto schedule = Cron("* * * * * *", "");
  EXPECT_EQ(schedule->Next(-1), 0);
  EXPECT_EQ(schedule->Next(-kNanosPerSecond), 0);
  EXPECT_EQ(schedule->Next(-kNanosPerSecond - 1), -kNanosPerSecond);
  EXPECT_EQ(schedule->Count(-kNanosPerSecond - 1, 0), 2u);
}

TEST(CronScheduleTest, CountsTheEndOfASpanAndNotItsBeginning) {
  const auto schedule = Cron("0 * * * *", "");
  EXPECT_EQ(schedule->Count(UnixNanos("2026-01-01T00:00:00Z"), UnixNanos("2026-01-01T02:00:00Z")),
            2u);
  EXPECT_EQ(schedule->Count(UnixNanos("2026-01-01T00:00:01Z"), UnixNanos("2026-01-01T01:59:59Z")),
            1u);
}

TEST(CronScheduleTest, CountsNothingInASpanThatEndsBeforeItBegins) {
  const auto schedule = Cron("* * * * * *", "Europe/Berlin");
  EXPECT_EQ(schedule->Count(UnixNanos("2026-01-01T00:00:00Z"), UnixNanos("2026-01-01T00:00:00Z")),
            0u);
  EXPECT_EQ(schedule->Count(UnixNanos("2026-01-01T00:00:00Z"), UnixNanos("2025-01-01T00:00:00Z")),
            0u);
  EXPECT_EQ(schedule->Count(kLastNano, kFirstNano), 0u);
}

TEST(CronScheduleTest, CountsEverySecondOfTheWholeRange) {
  for (const char* zone : {"", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"}) {
    EXPECT_EQ(Cron("* * * * * *", zone)->Count(kFirstNano, kLastNano),
              2 * uint64_t{kLastNano / kNanosPerSecond} + 1)
        << zone;
  }
}

// Vixie's rule: both day fields begin with something else than `*`, so either counts.
TEST(CronScheduleTest, FiresOnEitherDayWhenBothAreRestricted) {
  EXPECT_EQ(Fires("0 0 13 * FRI", "", "2026-02-07T00:00:00Z", 3),
            (Times{"2026-02-13T00:00:00+00:00", "2026-02-20T00:00:00+00:00",
                   "2026-02-27T00:00:00+00:00"}));
  EXPECT_EQ(Fires("0 0 13 * FRI", "", "2026-04-10T00:00:00Z", 2),
            (Times{"2026-04-13T00:00:00+00:00", "2026-04-17T00:00:00+00:00"}));
}

TEST(CronScheduleTest, FiresOnTheDaysThatBothFieldsNameWhenOneBeginsWithAStar) {
  EXPECT_EQ(Fires("0 0 */2 * MON", "", "2026-06-01T00:00:00Z", 3),  // odd Mondays
            (Times{"2026-06-15T00:00:00+00:00", "2026-06-29T00:00:00+00:00",
                   "2026-07-13T00:00:00+00:00"}));
  EXPECT_EQ(Fires("0 0 13 * ?", "", "2026-02-07T00:00:00Z", 2),
            (Times{"2026-02-13T00:00:00+00:00", "2026-03-13T00:00:00+00:00"}));
}

TEST(CronScheduleTest, FindsTheNextLeapDayOnASundayOver2100) {
  EXPECT_EQ(Fires("0 0 29 2 */7", "Europe/Berlin", "2026-01-01T00:00:00Z", 4),
            (Times{"2032-02-29T00:00:00+01:00", "2060-02-29T00:00:00+01:00",
                   "2088-02-29T00:00:00+01:00", "2128-02-29T00:00:00+01:00"}));
}

TEST(CronScheduleTest, HasNothingPastTheLastNanosecond) {
  EXPECT_EQ(Cron("* * * * * *", "")->Next(kLastNano), std::nullopt);
  EXPECT_EQ(Cron("* * * * * *", "")->Next(kLastNano - kNanosPerSecond),
            kLastNano / kNanosPerSecond * kNanosPerSecond);
  EXPECT_EQ(Cron("@yearly", "Europe/Berlin")->Next(UnixNanos("2262-01-01T00:00:00Z")),
            std::nullopt);
}

TEST(CronScheduleTest, IsEqualToOneOfTheSameTexts) {
  const auto schedule = Cron("@daily", "Europe/Berlin");
  EXPECT_EQ(schedule->expression(), "@daily");
  EXPECT_EQ(schedule->time_zone(), "Europe/Berlin");
  EXPECT_TRUE(*schedule == *Cron("@daily", "Europe/Berlin"));
  EXPECT_FALSE(*schedule == *Cron("0 0 * * *", "Europe/Berlin"));
  EXPECT_FALSE(*schedule == *Cron("@daily", "Europe/Paris"));
}

TEST(CronScheduleTest, RefusesNamesThatAreNoTimeZone) {
  for (const std::string& name :
       {std::string("Europe/Atlantis"), std::string("europe/berlin"), std::string("Europe"),
        std::string("Europe/"), std::string("CEST"), std::string("+02:00"), std::string(" UTC"),
        std::string("localtime"), std::string("libc:localtime"), std::string("Etc/../localtime"),
        std::string("/usr/share/zoneinfo/Europe/Berlin"), std::string("file:Europe/Berlin"),
        std::string("posix/Europe/Berlin"), std::string("Fixed/UTC+02:00:00"),
        std::string("Europe/Berlin\0", 14), std::string("\xff\n")}) {
    const auto refused = CronSchedule::Parse("@daily", name);
    EXPECT_THAT(refused, testing::IsRefused(Reason::kInvalidField)) << name;
    EXPECT_EQ(DetailOf(refused.status()), "cron.time_zone");
  }
  EXPECT_EQ(CronSchedule::Parse("@daily", "Mars\n").status().message(),
            "cron.time_zone \"Mars\\n\" is not in this server's time zone database; use an IANA "
            "name such as \"Europe/Berlin\", or install tzdata if it is missing");
}

// Abseil keeps every name that it is asked for, and clients may send any.
TEST(CronScheduleTest, KeepsNoMemoryOfNamesThatAreNoTimeZone) {
  const auto refuse = [](int from, int to) {
    for (int i = from; i < to; ++i) {
      EXPECT_FALSE(CronSchedule::Parse("@daily", absl::StrCat("Europe/Atlantis", i)).ok());
    }
  };
  refuse(0, 100);  // whatever is allocated once
  const size_t before = mallinfo2().uordblks;
  refuse(100, 10'000);
  EXPECT_LT(mallinfo2().uordblks, before + 10'000);
}

TEST(CronScheduleTest, BoundsTheNameOfTheTimeZone) {
  EXPECT_THAT(CronSchedule::Parse("@daily", std::string(64, 'A')).status().message(),
              ::testing::HasSubstr("is not in this server's time zone database"));
  EXPECT_EQ(CronSchedule::Parse("@daily", std::string(65, 'A')).status().message(),
            "cron.time_zone of 65 bytes is longer than 64 bytes; use an IANA name such as "
            "\"Europe/Berlin\"");
}

}  // namespace
}  // namespace timerd::timer
