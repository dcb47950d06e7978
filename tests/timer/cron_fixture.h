// Cron schedules in tests: times as text, on the clocks of the schedule's zone.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/base/check.h"
#include "server/timer/cron.h"

namespace timerd::testing {

using Times = std::vector<std::string>;

// "2026-03-29T03:00:00+02:00" as Unix nanoseconds.
inline int64_t UnixNanos(const std::string& text) {
  absl::Time time;
  std::string error;
  TIMERD_CHECK(absl::ParseTime(absl::RFC3339_full, text, &time, &error));
  return absl::ToUnixNanos(time);
}

inline std::shared_ptr<const timer::CronSchedule> Cron(const std::string& expression,
                                                       const std::string& time_zone) {
  return timer::CronSchedule::Parse(expression, time_zone).value();
}

// The first `n` times at which the schedule fires after `after`. Checks on the way that Count()
// agrees.
inline Times Fires(const std::string& expression, const std::string& time_zone,
                   const std::string& after, size_t n) {
  const auto schedule = Cron(expression, time_zone);
  absl::TimeZone zone = absl::UTCTimeZone();
  TIMERD_CHECK(time_zone.empty() || absl::LoadTimeZone(time_zone, &zone));
  Times times;
  int64_t last = UnixNanos(after);
  while (times.size() < n) {
    const std::optional<int64_t> next = schedule->Next(last);
    if (!next.has_value()) {
      break;
    }
    last = *next;
    times.push_back(absl::FormatTime(absl::RFC3339_sec, absl::FromUnixNanos(last), zone));
    EXPECT_EQ(schedule->Count(UnixNanos(after), last), times.size());
    EXPECT_EQ(schedule->Count(UnixNanos(after), last - 1), times.size() - 1);
  }
  return times;
}

}  // namespace timerd::testing
