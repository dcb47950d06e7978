// When a loop ticks, and for how long.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace timerd {
inline namespace client {

// Ticks at wall-clock times of a time zone, as in {"0 3 * * MON", "Europe/Berlin"}.
struct Cron {
  // Five fields (minute, hour, day of month, month, day of week), or six with seconds first; or
  // @yearly, @monthly, @weekly, @daily, @hourly. timers.proto has the rules, also for the days on
  // which clocks are set.
  std::string expression;
  // An IANA name; "UTC" when empty.
  std::string time_zone;
};

// From where the next interval is counted.
enum class Pacing {
  kFixedRate,   // the ticks keep to their grid, however long the runs take
  kFixedDelay,  // one interval after the last run has been reported (plain: after the last tick)
};

// What happens to ticks that were missed, because a run was under way or the server was down.
struct MissedTicks {
  enum class Policy {
    kSkip,     // the next tick keeps to the schedule and tells how many were missed
    kRunOnce,  // one tick at once for all that were missed; then on schedule
    kRunAll,   // one for each, the oldest first, each with its own deadline
  };
  Policy policy = Policy::kSkip;
  // kRunAll: only the latest ones, at most this many (1 to 10,000; 0 means 100), and only those of
  // this much time before now.
  uint32_t max_runs = 0;
  absl::Duration window = absl::InfiniteDuration();
};

struct LoopOptions {
  std::string id;  // as in CallOptions
  // True makes the first run at once, false one interval from now or at the first time that cron
  // matches. Unset: true with an interval, false with cron.
  std::optional<bool> start_now;
  // Carried by every tick.
  std::string payload;
  // True for ticks that are over once they are delivered: runs are not reported, and the server
  // waits for none. See Client::StartLoop().
  bool plain = false;
  Pacing pacing = Pacing::kFixedRate;  // not with cron
  MissedTicks missed_ticks;            // with kFixedRate or cron
  // The loop ends in COMPLETED after this many runs, or when the next tick would be after `until`.
  std::optional<uint64_t> max_runs;
  absl::Time until = absl::InfiniteFuture();
  // Each tick is due up to this much later, at random; shorter than the interval.
  absl::Duration jitter;
  bool replace = false;                                         // as in CallOptions
  absl::Duration client_lost_after = absl::InfiniteDuration();  // as in CallOptions
};

}  // namespace client
}  // namespace timerd
