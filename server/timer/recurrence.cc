#include "server/timer/recurrence.h"

#include "server/base/check.h"

namespace timerd::timer {

int64_t IntervalIndex(Instant origin, Span interval, Instant t) {
  TIMERD_CHECK(interval > Span::zero());
  const Span since = t - origin;
  const int64_t quotient = since / interval;
  return since % interval < Span::zero() ? quotient - 1 : quotient;
}

Instant NextBoundary(Instant origin, Span interval, Instant t) {
  if (interval == Span::zero()) {
    return t;
  }
  return origin + (IntervalIndex(origin, interval, t) + 1) * interval;
}

uint64_t TickCount(Instant origin, Span interval, Instant previous, Instant t) {
  if (interval == Span::zero()) {
    return 1;
  }
  const int64_t count =
      IntervalIndex(origin, interval, t) - IntervalIndex(origin, interval, previous);
  TIMERD_CHECK(count >= 1);
  return static_cast<uint64_t>(count);
}

}  // namespace timerd::timer
