#include "server/timer/cron_fields.h"

#include <bit>
#include <chrono>

namespace timerd::timer {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month;
using std::chrono::year_month_day;

constexpr int64_t kSecondsPerDay = 86'400;
constexpr uint64_t kAll = ~uint64_t{0};

// The number of a std::chrono::day or month.
template <typename Part>
int Number(Part part) {
  return static_cast<int>(static_cast<unsigned>(part));
}

bool Has(uint64_t set, int value) { return (set >> value & 1) != 0; }
// Those below `end`, a value of 0 to 63.
uint64_t Below(uint64_t set, int end) { return set & ~(kAll << end); }
// The smallest value of at least `from`, which may be 64; 64 when there is none.
int FirstFrom(uint64_t set, int from) {
  return from > 63 ? 64 : std::countr_zero(set & kAll << from);
}

struct LocalTime {
  explicit LocalTime(int64_t local)
      : day(std::chrono::floor<std::chrono::days>(
            std::chrono::sys_seconds(std::chrono::seconds(local)))),
        second_of_day(static_cast<int>(local - StartOf(day))) {}

  static int64_t StartOf(sys_days day) { return day.time_since_epoch().count() * kSecondsPerDay; }

  sys_days day;
  int second_of_day;
};

// The days of a month that count: bit d for day d.
uint64_t DaysOf(const CronFields& fields, year_month month) {
  if (!Has(fields.months, Number(month.month()))) {
    return 0;
  }
  const int length = Number((month / std::chrono::last).day());
  const unsigned first = std::chrono::weekday(sys_days(month / 1)).c_encoding();
  // Six weeks, of which the month begins on the day `first`; shifted so that it begins on bit 1.
  constexpr uint64_t kSixWeeks = 0b1'0000001'0000001'0000001'0000001'0000001;
  const uint64_t by_weekday = fields.weekdays * kSixWeeks >> first << 1;
  const uint64_t counting = fields.either_day ? fields.days | by_weekday : fields.days & by_weekday;
  return Below(counting, length + 1);
}

// The first day that counts, from `from` on; it may lie up to a month after `last`.
std::optional<sys_days> FirstDay(const CronFields& fields, sys_days from, sys_days last) {
  const year_month_day date = from;
  year_month month = date.year() / date.month();
  int first = Number(date.day());
  for (; sys_days(month / 1) <= last; month += std::chrono::months(1), first = 1) {
    const int day = FirstFrom(DaysOf(fields, month), first);
    if (day < 64) {
      return sys_days(month / day);
    }
  }
  return std::nullopt;
}

// How many days of [from, end) count.
int64_t CountDays(const CronFields& fields, sys_days from, sys_days end) {
  const year_month_day date = from;
  int64_t count =
      -std::popcount(Below(DaysOf(fields, date.year() / date.month()), Number(date.day())));
  year_month month = date.year() / date.month();
  for (; sys_days((month + std::chrono::months(1)) / 1) <= end; month += std::chrono::months(1)) {
    count += std::popcount(DaysOf(fields, month));
  }
  const int in_last = static_cast<int>((end - sys_days(month / 1)).count());
  return count + std::popcount(Below(DaysOf(fields, month), in_last + 1));
}

bool Counts(const CronFields& fields, sys_days day) {
  return CountDays(fields, day, day + std::chrono::days(1)) == 1;
}

// The first match at or after a second of a day that counts.
std::optional<int> FirstSecond(const CronFields& fields, int from) {
  const int first_second = std::countr_zero(fields.seconds);
  const int first_minute = std::countr_zero(fields.minutes);
  int hour = from / 3600;
  int minute = from / 60 % 60;
  int second = FirstFrom(fields.seconds, from % 60);
  if (second == 64) {
    ++minute;
    second = first_second;
  }
  if (const int match = FirstFrom(fields.minutes, minute); match != minute) {
    minute = match;
    second = first_second;
  }
  if (minute == 64) {
    ++hour;
    minute = first_minute;
    second = first_second;
  }
  if (const int match = FirstFrom(fields.hours, hour); match != hour) {
    hour = match;
    minute = first_minute;
    second = first_second;
  }
  if (hour == 64) {
    return std::nullopt;
  }
  return hour * 3600 + minute * 60 + second;
}

// How many matches a day that counts has up to and including a second of it.
int64_t CountSeconds(const CronFields& fields, int last) {
  const int hour = last / 3600;
  const int minute = last / 60 % 60;
  const int second = last % 60;
  const int64_t a_minute = std::popcount(fields.seconds);
  const int64_t an_hour = std::popcount(fields.minutes) * a_minute;
  int64_t count = std::popcount(Below(fields.hours, hour)) * an_hour;
  if (Has(fields.hours, hour)) {
    count += std::popcount(Below(fields.minutes, minute)) * a_minute;
    if (Has(fields.minutes, minute)) {
      count += std::popcount(Below(fields.seconds, second + 1));
    }
  }
  return count;
}

}  // namespace

bool CanMatch(const CronFields& fields) {
  // The dates decide: each of them, also February 29, falls on every weekday in some year.
  CronFields dates = fields;
  dates.weekdays = 0b1111111;
  const sys_days leap_year(std::chrono::year(2000) / 1 / 1);
  return CountDays(dates, leap_year, leap_year + std::chrono::days(366)) > 0;
}

bool CoversAllHours(const CronFields& fields) { return std::popcount(fields.hours) == 24; }

std::optional<int64_t> FirstMatch(const CronFields& fields, int64_t after, int64_t last) {
  const LocalTime from(after + 1);
  const sys_days last_day = LocalTime(last).day;
  std::optional<sys_days> day = FirstDay(fields, from.day, last_day);
  if (day == from.day) {
    if (const std::optional<int> second = FirstSecond(fields, from.second_of_day)) {
      const int64_t match = LocalTime::StartOf(*day) + *second;
      return match <= last ? std::optional(match) : std::nullopt;
    }
    day = FirstDay(fields, from.day + std::chrono::days(1), last_day);
  }
  if (!day.has_value()) {
    return std::nullopt;
  }
  const int64_t match = LocalTime::StartOf(*day) + *FirstSecond(fields, 0);
  return match <= last ? std::optional(match) : std::nullopt;
}

uint64_t CountMatches(const CronFields& fields, int64_t after, int64_t last) {
  const LocalTime from(after);
  const LocalTime to(last);
  int64_t count = CountDays(fields, from.day, to.day) * CountSeconds(fields, kSecondsPerDay - 1);
  count += Counts(fields, to.day) ? CountSeconds(fields, to.second_of_day) : 0;
  count -= Counts(fields, from.day) ? CountSeconds(fields, from.second_of_day) : 0;
  return static_cast<uint64_t>(count);
}

}  // namespace timerd::timer
