// Which local times a cron expression names: sets of small integers over the calendar. Local time
// is what clocks on the wall show; here it is counted in seconds since 1970-01-01 00:00:00 on such
// a clock, and runs evenly. What time zones do to it is the business of local_runs.h.
#pragma once

#include <cstdint>
#include <optional>

namespace timerd::timer {

// Bit n of a field is set when the field names the value n. No field is empty.
struct CronFields {
  uint64_t seconds = 0;
  uint64_t minutes = 0;
  uint64_t hours = 0;
  uint64_t days = 0;  // of the month, from 1
  uint64_t months = 0;
  uint64_t weekdays = 0;    // Sunday is 0
  bool either_day = false;  // a day counts by its date or by its weekday; false: by both
};

// True when some day of some year counts.
bool CanMatch(const CronFields& fields);

// True when every hour of a day that counts has a match.
bool CoversAllHours(const CronFields& fields);

// The first match in (after, last]. At most one step for each month on the way.
std::optional<int64_t> FirstMatch(const CronFields& fields, int64_t after, int64_t last);

// The number of matches in (after, last]. One step for each month, whatever the number of matches.
// REQUIRES: after <= last.
uint64_t CountMatches(const CronFields& fields, int64_t after, int64_t last);

}  // namespace timerd::timer
