#include "server/push/token_bucket.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace timerd::push {
namespace {

constexpr Span kBurst = std::chrono::milliseconds(10);
constexpr Span kLongest = std::chrono::hours(24 * 365);

Span IntervalOf(double per_second) {
  if (per_second <= 0) {
    return Span::zero();
  }
  // Rounded up: never more than asked for.
  const double interval = std::ceil(1e9 / per_second);
  return interval < static_cast<double>(kLongest.count()) ? Span(static_cast<int64_t>(interval))
                                                          : kLongest;
}

}  // namespace

TokenBucket::TokenBucket(double per_second)
    : interval_(IntervalOf(per_second)), slack_(std::max(Span::zero(), kBurst - interval_)) {}

Instant TokenBucket::ReadyAt(Instant now) const {
  return next_ == Instant::min() ? now : next_ - slack_;
}

Instant TokenBucket::ReadyAfter(Instant now, int64_t others) const {
  const Span most = kLongest;
  const bool far = interval_.count() > 0 && others > most.count() / interval_.count();
  return std::max(now, ReadyAt(now)) + (far ? most : interval_ * others);
}

void TokenBucket::Take(Instant now) { next_ = std::max(next_, now) + interval_; }

}  // namespace timerd::push
