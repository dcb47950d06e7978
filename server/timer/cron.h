// Cron schedules: when a cron expression is due in a time zone. cron_parser.h has the syntax.
//
// Where clocks are put forward or back, as for daylight saving:
//
//   * When the hours are all hours (an hour field of `*`, `*/1` or 0-23) the schedule follows
//     elapsed time. In a repeated hour it fires in both passes; local times that are skipped do not
//     exist. "*/15 * * * *" is every 15 minutes, always.
//   * Otherwise it fires once for each local time that it names. One that is skipped is due at the
//     moment of the change: several of them are one there, and one with what is due at that very
//     moment. One that comes twice is due the first time only.
//
// So "30 2 * * *" in Europe/Berlin fires once a day: on the last Sunday of March at 03:00, when
// clocks go there from 02:00; on the last Sunday of October at the first 02:30 of two.
//
// All of it is whole seconds of Unix time, without leap seconds. Time zones are those of the
// system's tzdata; when it learns of a change of law, Next() may answer differently.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/timer/cron_fields.h"

namespace timerd::timer {

// A cron schedule in a time zone. Immutable; any thread.
class CronSchedule {
 public:
  // `time_zone` is an IANA name; UTC when empty. The first use of a zone reads its file.
  // Errors: InvalidArgument with detail "cron.expression" or "cron.time_zone". The message does not
  // name the subject, which the caller puts in front.
  static absl::StatusOr<std::shared_ptr<const CronSchedule>> Parse(absl::string_view expression,
                                                                   absl::string_view time_zone);

  // The first match strictly after `after_unix_ns` (Unix time, ns); nothing when there is none in
  // the next 100 years, which only the end of the range of Unix nanoseconds, in 2262, brings about:
  // the rarest schedules, such as "0 0 29 2 */7", have at most 40 years between two matches.
  std::optional<int64_t> Next(int64_t after_unix_ns) const;

  // The number of matches in (after, through], 0 when through <= after: as often as Next() finds
  // one. The cost grows with the months in between, not with the matches.
  uint64_t Count(int64_t after_unix_ns, int64_t through_unix_ns) const;

  // As given.
  const std::string& expression() const { return expression_; }
  const std::string& time_zone() const { return time_zone_; }

  // The same texts.
  friend bool operator==(const CronSchedule& a, const CronSchedule& b) {
    return a.expression_ == b.expression_ && a.time_zone_ == b.time_zone_;
  }

 private:
  CronSchedule(absl::string_view expression, absl::string_view time_zone, const CronFields& fields,
               absl::TimeZone zone);

  const std::string expression_;
  const std::string time_zone_;
  const CronFields fields_;
  const absl::TimeZone zone_;
};

}  // namespace timerd::timer
