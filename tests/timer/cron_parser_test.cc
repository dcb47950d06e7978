#include "server/timer/cron_parser.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "tests/support/status_matchers.h"

namespace timerd::timer {
namespace {

uint64_t Set(std::initializer_list<int> values) {
  uint64_t set = 0;
  for (const int value : values) {
    set |= uint64_t{1} << value;
  }
  return set;
}

constexpr uint64_t kEveryMinute = (uint64_t{1} << 60) - 1;

CronFields Parse(const std::string& expression) { return ParseCron(expression).value(); }
uint64_t Minutes(const std::string& field) { return Parse(field + " * * * *").minutes; }
uint64_t Weekdays(const std::string& field) { return Parse("* * * * " + field).weekdays; }

std::string ErrorOf(const std::string& expression) {
  const absl::Status status = ParseCron(expression).status();
  EXPECT_THAT(status, testing::IsRefused(Reason::kInvalidField)) << expression;
  EXPECT_EQ(DetailOf(status), "cron.expression");
  return std::string(status.message());
}

// The error of an expression with one bad field, after the part that names the expression.
std::string FieldErrorOf(const std::string& expression) {
  const std::string error = ErrorOf(expression);
  const std::string prefix = "cron.expression \"" + expression + "\": ";
  EXPECT_EQ(error.substr(0, prefix.size()), prefix);
  return error.substr(prefix.size());
}

TEST(CronParserTest, TakesFiveFieldsWithTheSecondZero) {
  const CronFields fields = Parse("1 2 3 4 5");
  EXPECT_EQ(fields.seconds, Set({0}));
  EXPECT_EQ(fields.minutes, Set({1}));
  EXPECT_EQ(fields.hours, Set({2}));
  EXPECT_EQ(fields.days, Set({3}));
  EXPECT_EQ(fields.months, Set({4}));
  EXPECT_EQ(fields.weekdays, Set({5}));
}

TEST(CronParserTest, TakesSixFieldsWithSecondsFirst) {
  const CronFields fields = Parse("59 0 23 31 12 0");
  EXPECT_EQ(fields.seconds, Set({59}));
  EXPECT_EQ(fields.minutes, Set({0}));
  EXPECT_EQ(fields.hours, Set({23}));
  EXPECT_EQ(fields.days, Set({31}));
  EXPECT_EQ(fields.months, Set({12}));
  EXPECT_EQ(fields.weekdays, Set({0}));
}

TEST(CronParserTest, TakesStarsRangesStepsAndLists) {
  EXPECT_EQ(Minutes("*"), kEveryMinute);
  EXPECT_EQ(Minutes("*/1"), kEveryMinute);
  EXPECT_EQ(Minutes("*/15"), Set({0, 15, 30, 45}));
  EXPECT_EQ(Minutes("*/60"), Set({0}));
  EXPECT_EQ(Minutes("05"), Set({5}));
  EXPECT_EQ(Minutes("3-6"), Set({3, 4, 5, 6}));
  EXPECT_EQ(Minutes("3-3"), Set({3}));
  EXPECT_EQ(Minutes("10-20/4"), Set({10, 14, 18}));
  EXPECT_EQ(Minutes("50/4"), Set({50, 54, 58}));
  EXPECT_EQ(Minutes("7,1-2,*/30"), Set({0, 1, 2, 7, 30}));
  EXPECT_EQ(Parse("* * */10 * *").days, Set({1, 11, 21, 31}));
  EXPECT_EQ(Parse("* * * 10/1 *").months, Set({10, 11, 12}));
}

TEST(CronParserTest, TakesNamesInAnyCase) {
  EXPECT_EQ(Parse("* * * jan,Feb-APR,dEC *").months, Set({1, 2, 3, 4, 12}));
  EXPECT_EQ(Weekdays("mon-FRI/2,Sun"), Set({0, 1, 3, 5}));
  EXPECT_EQ(Weekdays("MON-5"), Set({1, 2, 3, 4, 5}));
}

TEST(CronParserTest, TakesZeroAndSevenForSunday) {
  EXPECT_EQ(Weekdays("0"), Set({0}));
  EXPECT_EQ(Weekdays("7"), Set({0}));
  EXPECT_EQ(Weekdays("5-7"), Set({0, 5, 6}));
  EXPECT_EQ(Weekdays("FRI-7"), Set({0, 5, 6}));
}

TEST(CronParserTest, EndsTheWeekOfStepsOnSaturday) {
  EXPECT_EQ(Weekdays("*/2"), Set({0, 2, 4, 6}));
  EXPECT_EQ(Weekdays("1/2"), Set({1, 3, 5}));
  EXPECT_EQ(Weekdays("*/7"), Set({0}));
  EXPECT_EQ(Weekdays("7/2"), Set({0}));
}

TEST(CronParserTest, TakesAQuestionMarkForAStarInTheDayFields) {
  const CronFields fields = Parse("0 0 ? * ?/2");
  EXPECT_EQ(fields.days, Parse("0 0 * * *").days);
  EXPECT_EQ(fields.weekdays, Set({0, 2, 4, 6}));
  EXPECT_FALSE(fields.either_day);
}

TEST(CronParserTest, LetsEitherDayCountWhenNeitherFieldBeginsWithAStar) {
  EXPECT_TRUE(Parse("0 0 1 * 1").either_day);
  EXPECT_TRUE(Parse("0 0 1-31 * 1,*").either_day);
  EXPECT_FALSE(Parse("0 0 * * 1").either_day);
  EXPECT_FALSE(Parse("0 0 */2 * 1").either_day);
  EXPECT_FALSE(Parse("0 0 1 * *").either_day);
  EXPECT_FALSE(Parse("0 0 1 * */2,1").either_day);
  EXPECT_FALSE(Parse("0 0 1 * ?").either_day);
}

TEST(CronParserTest, TakesShorthandsInAnyCase) {
  const auto same = [](const std::string& a, const std::string& b) {
    const CronFields x = Parse(a);
    const CronFields y = Parse(b);
    return x.seconds == y.seconds && x.minutes == y.minutes && x.hours == y.hours &&
           x.days == y.days && x.months == y.months && x.weekdays == y.weekdays &&
           x.either_day == y.either_day;
  };
  EXPECT_TRUE(same("@yearly", "0 0 1 1 *"));
  EXPECT_TRUE(same("@annually", "0 0 1 1 *"));
  EXPECT_TRUE(same("@monthly", "0 0 1 * *"));
  EXPECT_TRUE(same("@weekly", "0 0 * * 0"));
  EXPECT_TRUE(same("@daily", "0 0 * * *"));
  EXPECT_TRUE(same("@midnight", "0 0 * * *"));
  EXPECT_TRUE(same(" @Hourly ", "0 * * * *"));
}

TEST(CronParserTest, TakesSpacesAndTabsAroundFields) {
  EXPECT_EQ(Parse(" \t1  2\t3 4 * ").hours, Set({2}));
}

TEST(CronParserTest, RefusesAnyOtherNumberOfFields) {
  EXPECT_EQ(ErrorOf("* * * *"),
            "cron.expression \"* * * *\" has 4 fields; write five (minute, hour, day of month, "
            "month, day of week), or six with seconds first");
  EXPECT_THAT(ErrorOf(""), ::testing::HasSubstr("\"\" has 0 fields"));
  EXPECT_THAT(ErrorOf(" "), ::testing::HasSubstr("has 0 fields"));
  EXPECT_THAT(ErrorOf("0 0 0 1 1 * 2026"), ::testing::HasSubstr("has 7 fields"));
}

TEST(CronParserTest, RefusesOtherShorthands) {
  EXPECT_EQ(ErrorOf("@reboot"),
            "cron.expression \"@reboot\" is no shorthand; use @yearly, @annually, @monthly, "
            "@weekly, @daily, @midnight or @hourly, or write fields");
  EXPECT_THAT(ErrorOf("@every 5m"), ::testing::HasSubstr("\"@every 5m\" is no shorthand"));
  EXPECT_THAT(ErrorOf("@daily 5"), ::testing::HasSubstr("is no shorthand"));
  EXPECT_THAT(ErrorOf("@ * * * *"), ::testing::HasSubstr("is no shorthand"));
}

TEST(CronParserTest, RefusesNumbersOutOfRange) {
  EXPECT_EQ(ErrorOf("61 * * * *"),
            "cron.expression \"61 * * * *\": minute \"61\" is out of range; use 0-59");
  EXPECT_EQ(FieldErrorOf("60 * * * * *"), "second \"60\" is out of range; use 0-59");
  EXPECT_EQ(FieldErrorOf("* 24 * * *"), "hour \"24\" is out of range; use 0-23");
  EXPECT_EQ(FieldErrorOf("* * 0 * *"), "day of month \"0\" is out of range; use 1-31");
  EXPECT_EQ(FieldErrorOf("* * 1-32 * *"), "day of month \"1-32\" is out of range; use 1-31");
  EXPECT_EQ(FieldErrorOf("* * * 13 *"), "month \"13\" is out of range; use 1-12 or JAN-DEC");
  EXPECT_EQ(FieldErrorOf("* * * * 8"), "day of week \"8\" is out of range; use 0-7 or SUN-SAT");
  EXPECT_EQ(FieldErrorOf("99999999999999999999 * * * *"),
            "minute \"99999999999999999999\" is out of range; use 0-59");
}

TEST(CronParserTest, RefusesRangesThatWrapAndSaysHowToWriteThem) {
  EXPECT_EQ(FieldErrorOf("0 22-2 * * *"),
            "hour \"22-2\" runs backwards, and ranges do not wrap; write \"22-23,0-2\"");
  EXPECT_EQ(FieldErrorOf("0 0 * NOV-FEB *"),
            "month \"NOV-FEB\" runs backwards, and ranges do not wrap; write \"NOV-12,1-FEB\"");
  EXPECT_EQ(FieldErrorOf("0 0 * * FRI-SUN"),
            "day of week \"FRI-SUN\" runs backwards, and ranges do not wrap; write "
            "\"FRI-7,0-SUN\"");
  EXPECT_EQ(Weekdays("FRI-7,0-SUN"), Set({0, 5, 6}));
  EXPECT_EQ(Parse("0 0 * NOV-12,1-FEB *").months, Set({1, 2, 11, 12}));
}

TEST(CronParserTest, RefusesStepsThatAreNoneOrLongerThanTheField) {
  EXPECT_EQ(FieldErrorOf("*/90 * * * *"),
            "minute \"*/90\" has a step of \"90\"; use a number from 1 to 60");
  for (const char* minute :
       {"*/0", "*/61", "1-5/", "1/x", "*/1/2", "*/-1", "*/+5", "*/4294967297"}) {
    EXPECT_THAT(ErrorOf(std::string(minute) + " * * * *"), ::testing::HasSubstr("has a step of"))
        << minute;
  }
  EXPECT_THAT(ErrorOf("* * * * */8"), ::testing::HasSubstr("use a number from 1 to 7"));
}

TEST(CronParserTest, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(FieldErrorOf("* * * JANUARY *"),
            "month \"JANUARY\" is not understood; use *, or 1-12 or JAN-DEC, as in a-b, */n, "
            "a-b/n and a,b");
  for (const char* minute : {"x", "?", "**", "-1", "+1", "1-", "-", "1--2", "1-2-3", "*-5", "1,,2",
                             "1,", ",", "/5", "1.5", "MON", "0x1", "\x80", "1\n"}) {
    EXPECT_THAT(ErrorOf(std::string(minute) + " * * * *"),
                ::testing::HasSubstr("is not understood"))
        << minute;
  }
  for (const char* day : {"L", "15W", "1#2", "LW"}) {
    EXPECT_THAT(ErrorOf(std::string("0 0 ") + day + " * *"),
                ::testing::HasSubstr("is not understood"))
        << day;
  }
}

TEST(CronParserTest, ShowsBytesThatCannotBePrintedEscaped) {
  EXPECT_THAT(ErrorOf(std::string("\xff\0\n * * * *", 11)),
              ::testing::HasSubstr("minute \"\\xff\\x00\\n\" is not understood"));
}

TEST(CronParserTest, RefusesWhatNeverMatches) {
  EXPECT_EQ(ErrorOf("0 0 30 2 *"),
            "cron.expression \"0 0 30 2 *\" never matches: none of its months has such a day; use "
            "a day that its months have");
  EXPECT_THAT(ErrorOf("0 0 31 2,4,6,9,11 *"), ::testing::HasSubstr("never matches"));
  EXPECT_THAT(ErrorOf("0 0 30 2 */2"), ::testing::HasSubstr("never matches"));
}

TEST(CronParserTest, AcceptsWhatMatchesSeldom) {
  TIMERD_EXPECT_OK(ParseCron("0 0 29 2 *"));
  TIMERD_EXPECT_OK(ParseCron("0 0 29 2 */7"));
  TIMERD_EXPECT_OK(ParseCron("0 0 31 2-4 *"));
  TIMERD_EXPECT_OK(ParseCron("0 0 30 2 MON"));  // Mondays count
}

TEST(CronParserTest, BoundsTheLength) {
  const std::string longest = "* * * * *" + std::string(247, ' ');
  TIMERD_EXPECT_OK(ParseCron(longest));
  EXPECT_EQ(ErrorOf(longest + " "),
            "cron.expression of 257 bytes is longer than 256 bytes; use ranges and steps, or "
            "several loops");
}

}  // namespace
}  // namespace timerd::timer
