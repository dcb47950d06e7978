// The syntax of cron expressions.
//
//   expression  five fields - minute (0-59), hour (0-23), day of month (1-31), month (1-12 or
//               JAN-DEC), day of week (0-7 or SUN-SAT; 0 and 7 are Sunday) - or six, with
//               seconds (0-59) first. Or @yearly, @annually, @monthly, @weekly, @daily, @midnight,
//               @hourly. Names in any case; spaces and tabs between fields.
//   field       items with commas between them: what any of them names
//   item        *      all values
//               ?      as *, in the day fields only
//               a      a number or a name
//               a-b    from a to b, a not after b: ranges do not wrap
//               */n    every n-th value from the first one on
//               a-b/n  every n-th from a to b
//               a/n    every n-th from a to the last value, which for weekdays is Saturday
//
// A step is at most the number of values that the field has: "*/90" for minutes would not mean
// every 90 minutes.
//
// Days, as in Vixie's cron: when day of month and day of week both begin with something other than
// `*` or `?`, a day counts that either of them names; otherwise one that both name. So "0 0 13 * 5"
// is every 13th and every Friday, "0 0 1-7 * *" the first seven days, and "0 0 */2 * 1" the Mondays
// among the odd days.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/timer/cron_fields.h"

namespace timerd::timer {

// Errors: InvalidArgument with detail "cron.expression", also for an expression that never matches
// and for one longer than 256 bytes.
absl::StatusOr<CronFields> ParseCron(absl::string_view expression);

}  // namespace timerd::timer
