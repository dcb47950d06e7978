#include "server/timer/cron.h"

#include <algorithm>
#include <limits>

#include "server/base/status.h"
#include "server/timer/cron_parser.h"
#include "server/timer/local_runs.h"
#include "server/timer/time_zone.h"

namespace timerd::timer {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kMaxSeconds = std::numeric_limits<int64_t>::max() / kNanosPerSecond;
constexpr int64_t kHorizonSeconds = int64_t{100} * 366 * 86'400;

// The whole second at or before: matches are whole seconds, so it has the same ones after it.
int64_t FloorToSeconds(int64_t unix_ns) {
  return unix_ns / kNanosPerSecond - (unix_ns % kNanosPerSecond < 0 ? 1 : 0);
}

LocalTimes TimesOf(const CronFields& fields) {
  return CoversAllHours(fields) ? LocalTimes::kAsShown : LocalTimes::kEachOnce;
}

}  // namespace

CronSchedule::CronSchedule(absl::string_view expression, absl::string_view time_zone,
                           const CronFields& fields, absl::TimeZone zone)
    : expression_(expression), time_zone_(time_zone), fields_(fields), zone_(zone) {}

absl::StatusOr<std::shared_ptr<const CronSchedule>> CronSchedule::Parse(
    absl::string_view expression, absl::string_view time_zone) {
  TIMERD_ASSIGN_OR_RETURN(const CronFields fields, ParseCron(expression));
  TIMERD_ASSIGN_OR_RETURN(const absl::TimeZone zone, FindTimeZone(time_zone));
  return std::shared_ptr<const CronSchedule>(new CronSchedule(expression, time_zone, fields, zone));
}

std::optional<int64_t> CronSchedule::Next(int64_t after_unix_ns) const {
  const int64_t after = FloorToSeconds(after_unix_ns);
  const int64_t through = std::min(after + kHorizonSeconds, kMaxSeconds);
  std::optional<int64_t> next;
  VisitLocalRuns(zone_, TimesOf(fields_), after, through, [&](const LocalRun& run) {
    if (const std::optional<int64_t> match = FirstMatch(fields_, run.after, run.last)) {
      next = run.moment.value_or(*match - run.offset) * kNanosPerSecond;
    }
    return !next.has_value();
  });
  return next;
}

uint64_t CronSchedule::Count(int64_t after_unix_ns, int64_t through_unix_ns) const {
  const int64_t after = FloorToSeconds(after_unix_ns);
  const int64_t through = FloorToSeconds(through_unix_ns);
  uint64_t count = 0;
  VisitLocalRuns(zone_, TimesOf(fields_), after, through, [&](const LocalRun& run) {
    if (run.moment.has_value()) {
      count += FirstMatch(fields_, run.after, run.last).has_value() ? 1 : 0;
    } else {
      count += CountMatches(fields_, run.after, run.last);
    }
    return true;
  });
  return count;
}

}  // namespace timerd::timer
