// When a loop's next tick is due and how many intervals a tick stands for: integer arithmetic from
// the loop's origin, so that nothing accumulates. After Twisted's LoopingCall.withCount.
#pragma once

#include <cstdint>

#include "server/base/instant.h"

namespace timerd::timer {

// floor((t - origin) / interval), also for t before origin. REQUIRES: interval > 0.
int64_t IntervalIndex(Instant origin, Span interval, Instant t);

// The first boundary origin + k * interval strictly after `t`; `t` itself when the interval is 0.
Instant NextBoundary(Instant origin, Span interval, Instant t);

// The intervals between the ticks at `previous` and `t`, 1 when the interval is 0. At least 1 for a
// tick that was due at a boundary after `previous`.
uint64_t TickCount(Instant origin, Span interval, Instant previous, Instant t);

}  // namespace timerd::timer
