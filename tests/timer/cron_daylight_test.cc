// Schedules where clocks are put forward and back. In 2026: Berlin on March 29, 02:00 to 03:00, and
// October 25, 03:00 to 02:00; New York on March 8, 02:00 to 03:00, and November 1, 02:00 to 01:00;
// Lord Howe on April 5, 02:00 to 01:30, and October 4, 02:00 to 02:30.
#include <gtest/gtest.h>

#include "server/timer/cron.h"
#include "tests/timer/cron_fixture.h"

namespace timerd::timer {
namespace {

using ::timerd::testing::Cron;
using ::timerd::testing::Fires;
using ::timerd::testing::Times;
using ::timerd::testing::UnixNanos;

TEST(CronDaylightTest, FiresAFixedHourThatIsSkippedAtTheMomentOfTheChange) {
  EXPECT_EQ(Fires("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00+01:00", 3),
            (Times{"2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00",
                   "2026-03-30T02:30:00+02:00"}));
  EXPECT_EQ(Fires("30 2 * * *", "America/New_York", "2026-03-07T00:00:00-05:00", 3),
            (Times{"2026-03-07T02:30:00-05:00", "2026-03-08T03:00:00-04:00",
                   "2026-03-09T02:30:00-04:00"}));
  EXPECT_EQ(Fires("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00+10:30", 3),
            (Times{"2026-10-03T02:15:00+10:30", "2026-10-04T02:30:00+11:00",
                   "2026-10-05T02:15:00+11:00"}));
}

TEST(CronDaylightTest, FiresTheFixedHourOfTheChangeOnce) {
  EXPECT_EQ(Fires("0 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00+01:00", 2),
            (Times{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}));
}

TEST(CronDaylightTest, MergesWhatIsSkipped) {
  EXPECT_EQ(Fires("*/15 1,2 * * *", "Europe/Berlin", "2026-03-29T01:15:00+01:00", 4),
            (Times{"2026-03-29T01:30:00+01:00", "2026-03-29T01:45:00+01:00",
                   "2026-03-29T03:00:00+02:00", "2026-03-30T01:00:00+02:00"}));
}

TEST(CronDaylightTest, MergesWhatIsSkippedWithWhatIsDueAtTheChange) {
  EXPECT_EQ(Fires("0,30 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00+01:00", 3),
            (Times{"2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00",
                   "2026-03-30T02:00:00+02:00"}));
  EXPECT_EQ(Fires("0 3 * * *", "Europe/Berlin", "2026-03-29T00:00:00+01:00", 2),
            (Times{"2026-03-29T03:00:00+02:00", "2026-03-30T03:00:00+02:00"}));
}

TEST(CronDaylightTest, FiresAFixedHourThatIsRepeatedTheFirstTimeOnly) {
  EXPECT_EQ(
      Fires("*/30 2,3 * * *", "Europe/Berlin", "2026-10-25T00:00:00+02:00", 5),
      (Times{"2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T03:00:00+01:00",
             "2026-10-25T03:30:00+01:00", "2026-10-26T02:00:00+01:00"}));
  EXPECT_EQ(Fires("30 1 * * *", "America/New_York", "2026-11-01T00:00:00-04:00", 2),
            (Times{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}));
  EXPECT_EQ(Fires("45 1 * * *", "Australia/Lord_Howe", "2026-04-05T00:00:00+11:00", 2),
            (Times{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}));
}

TEST(CronDaylightTest, KnowsInTheSecondPassWhatFiredInTheFirst) {
  const auto schedule = Cron("45 2 * * *", "Europe/Berlin");
  const int64_t first_pass = UnixNanos("2026-10-25T02:45:00+02:00");
  const int64_t second_pass = UnixNanos("2026-10-25T02:45:00+01:00");
  const int64_t next_day = UnixNanos("2026-10-26T02:45:00+01:00");
  EXPECT_EQ(schedule->Next(UnixNanos("2026-10-25T02:15:00+02:00")), first_pass);
  EXPECT_EQ(schedule->Next(UnixNanos("2026-10-25T02:15:00+01:00")), next_day);
  EXPECT_EQ(schedule->Count(UnixNanos("2026-10-25T02:15:00+01:00"), second_pass), 0u);
  EXPECT_EQ(schedule->Count(first_pass - 1, next_day), 2u);
}

TEST(CronDaylightTest, FollowsElapsedTimeInARepeatedHourWhenTheHoursAreAll) {
  const Times both_passes = {"2026-10-25T01:30:00+02:00", "2026-10-25T02:30:00+02:00",
                             "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"};
  for (const char* expression :
       {"30 * * * *", "30 */1 * * *", "30 0-23 * * *", "30 0-11,12/1 * * *"}) {
    EXPECT_EQ(Fires(expression, "Europe/Berlin", "2026-10-25T01:00:00+02:00", 4), both_passes)
        << expression;
  }
  EXPECT_EQ(Fires("0 * * * *", "America/New_York", "2026-11-01T00:30:00-04:00", 3),
            (Times{"2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00",
                   "2026-11-01T02:00:00-05:00"}));
  EXPECT_EQ(
      Fires("*/15 * * * *", "Australia/Lord_Howe", "2026-04-05T01:15:00+11:00", 5),
      (Times{"2026-04-05T01:30:00+11:00", "2026-04-05T01:45:00+11:00", "2026-04-05T01:30:00+10:30",
             "2026-04-05T01:45:00+10:30", "2026-04-05T02:00:00+10:30"}));
}

TEST(CronDaylightTest, LeavesOutASkippedHourWhenTheHoursAreAll) {
  EXPECT_EQ(Fires("30 * * * *", "Europe/Berlin", "2026-03-29T01:00:00+01:00", 2),
            (Times{"2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"}));
  EXPECT_EQ(Fires("15 * * * *", "Australia/Lord_Howe", "2026-10-04T01:00:00+10:30", 2),
            (Times{"2026-10-04T01:15:00+10:30", "2026-10-04T03:15:00+11:00"}));
}

// Samoa moved to the other side of the date line and had no December 30 in 2011.
TEST(CronDaylightTest, FiresOnceForADayThatIsSkipped) {
  EXPECT_EQ(Fires("0 9,17 * * *", "Pacific/Apia", "2011-12-29T12:00:00-10:00", 4),
            (Times{"2011-12-29T17:00:00-10:00", "2011-12-31T00:00:00+14:00",
                   "2011-12-31T09:00:00+14:00", "2011-12-31T17:00:00+14:00"}));
  EXPECT_EQ(Fires("0 * 30 12 *", "Pacific/Apia", "2010-12-30T22:30:00-10:00", 2),
            (Times{"2010-12-30T23:00:00-10:00", "2012-12-30T00:00:00+14:00"}));
}

// Kwajalein was put back by 23 hours at the end of September 1969.
TEST(CronDaylightTest, FiresOnceForADayThatIsRepeated) {
  EXPECT_EQ(Fires("0 12 * * *", "Pacific/Kwajalein", "1969-09-30T00:00:00+11:00", 2),
            (Times{"1969-09-30T12:00:00+11:00", "1969-10-01T12:00:00-12:00"}));
}

}  // namespace
}  // namespace timerd::timer
