#include "server/base/token_bucket.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace timerd {
namespace {

constexpr Span kLongest = std::chrono::hours(24 * 365);

}  // namespace

Rate Rate::PerSecond(double per_second, Span burst) {
  if (per_second <= 0) {
    return {};
  }
  const double interval = std::ceil(1e9 / per_second);
  if (interval >= static_cast<double>(kLongest.count())) {
    return {.interval = kLongest};
  }
  const double at_once =
      std::max(1.0, std::floor(per_second * std::chrono::duration<double>(burst).count()));
  return {.interval = Span(static_cast<int64_t>(interval)),
          .slack = Span(static_cast<int64_t>(interval * (at_once - 1)))};
}

Span TokenBucket::Take(Instant now, const Rate& rate) {
  if (!rate.HasLimit()) {
    return Span::zero();
  }
  int64_t next = next_ns_.load(std::memory_order_relaxed);
  int64_t even = 0;
  do {
    even = std::max(next, ToNanos(now));
    if (const Span wait = InstantFromNanos(even) - rate.slack - now; wait > Span::zero()) {
      return wait;
    }
  } while (!next_ns_.compare_exchange_weak(next, even + rate.interval.count(),
                                           std::memory_order_relaxed));
  return Span::zero();
}

void TokenBucket::GiveBack(const Rate& rate) {
  next_ns_.fetch_sub(rate.interval.count(), std::memory_order_relaxed);
}

Instant TokenBucket::ReadyAt(Instant now, const Rate& rate) const {
  return InstantFromNanos(std::max(next_ns_.load(std::memory_order_relaxed), ToNanos(now))) -
         rate.slack;
}

Instant TokenBucket::ReadyAfter(Instant now, int64_t others, const Rate& rate) const {
  const bool far = rate.HasLimit() && others > kLongest.count() / rate.interval.count();
  return std::max(now, ReadyAt(now, rate)) + (far ? kLongest : rate.interval * others);
}

}  // namespace timerd
