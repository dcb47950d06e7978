#include "server/timer/recurrence.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/hash.h"

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
  const Instant last = origin + IntervalIndex(origin, interval, t) * interval;
  return SaturatingAdd(last, interval);
}

Instant Recurrence::Next(Instant t) const {
  if (cron_ == nullptr) {
    return NextBoundary(origin_, interval_, t);
  }
  const std::optional<int64_t> next = cron_->Next(ToNanos(t));
  return next ? InstantFromNanos(*next) : Instant::max();
}

uint64_t Recurrence::CountOrNone(Instant after, Instant through) const {
  if (cron_ != nullptr) {
    return cron_->Count(ToNanos(after), ToNanos(through));
  }
  if (interval_ == Span::zero()) {
    return 0;
  }
  const int64_t count =
      IntervalIndex(origin_, interval_, through) - IntervalIndex(origin_, interval_, after);
  return static_cast<uint64_t>(std::max<int64_t>(0, count));
}

uint64_t Recurrence::Count(Instant after, Instant through) const {
  return std::max<uint64_t>(1, CountOrNone(after, through));
}

Instant Recurrence::EarliestOfLast(Instant first, Instant through, uint64_t max_runs,
                                   Span window) const {
  if (window > Span::zero() && first < through - window) {
    const Instant young = Next(through - window - Span(1));
    if (young > through) {
      max_runs = 1;  // not even the last one is that young
    } else {
      first = young;
    }
  }
  if (CountOrNone(first - Span(1), through) <= max_runs) {
    return first;
  }
  // The last moment after which there are still `max_runs`, by halving.
  Instant low = first - Span(1);
  Instant high = through;
  while (high - low > Span(1)) {
    const Instant middle = low + (high - low) / 2;
    (CountOrNone(middle, through) >= max_runs ? low : high) = middle;
  }
  return Next(low);
}

Span JitterOf(absl::string_view key, Instant boundary, Span jitter) {
  if (jitter <= Span::zero()) {
    return Span::zero();
  }
  const uint64_t hash = StableHash(absl::StrCat(key, "@", ToNanos(boundary)));
  return Span(static_cast<int64_t>(hash % (static_cast<uint64_t>(jitter.count()) + 1)));
}

}  // namespace timerd::timer
