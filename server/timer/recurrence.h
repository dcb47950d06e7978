// When a loop's ticks are due and how many intervals a tick stands for: integer arithmetic from the
// loop's origin, so that nothing accumulates. After Twisted's LoopingCall.withCount.
//
// A boundary is a moment at which a loop is to tick, before jitter. With an interval boundaries
// stand on the service timeline, with cron on the wall clock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/strings/string_view.h"
#include "server/base/instant.h"
#include "server/timer/loop_policy.h"

namespace timerd::timer {

// The end of time (in 2262) where the sum would lie beyond it. REQUIRES: `span` is not negative.
constexpr Instant SaturatingAdd(Instant instant, Span span) {
  return instant > Instant::max() - span ? Instant::max() : instant + span;
}

// floor((t - origin) / interval), also for t before origin. REQUIRES: interval > 0.
int64_t IntervalIndex(Instant origin, Span interval, Instant t);

// The first boundary origin + k * interval strictly after `t`; `t` itself when the interval is 0;
// Instant::max() when there is none any more.
Instant NextBoundary(Instant origin, Span interval, Instant t);

// All boundaries of a loop at a fixed rate.
class Recurrence {
 public:
  // `cron` may be null; otherwise origin and interval play no part.
  Recurrence(Instant origin, Span interval, const CronSchedule* cron)
      : origin_(origin), interval_(interval), cron_(cron) {}

  // The first boundary strictly after `t` (with an interval of 0: `t`). Instant::max() when there
  // is none any more.
  Instant Next(Instant t) const;
  // The boundaries in (after, through]: how many intervals the tick at `through` stands for, when
  // the one before was at `after`. At least 1, also with an interval of 0.
  uint64_t Count(Instant after, Instant through) const;
  // Of the boundaries from `first`, which is one, to `through`, the earliest of the last `max_runs`
  // that is not more than `window` before `through` (0: of any age). The last one stays in any
  // case.
  Instant EarliestOfLast(Instant first, Instant through, uint64_t max_runs, Span window) const;

 private:
  uint64_t CountOrNone(Instant after, Instant through) const;

  const Instant origin_;
  const Span interval_;
  const CronSchedule* const cron_;
};

// How much later than `boundary` the tick of `key` is due: 0 to `jitter`, always the same for the
// same arguments, in this process and the next.
Span JitterOf(absl::string_view key, Instant boundary, Span jitter);

}  // namespace timerd::timer
