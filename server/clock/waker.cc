#include "server/clock/waker.h"

#include <algorithm>

namespace timerd::clock {

void Waker::WaitUntil(const RealClock& clock, Instant until) {
  // A far `until` would overflow the conversions of the standard library.
  const Instant now = clock.Read().now;
  const Instant capped = std::clamp(until, now, now + std::chrono::hours(1));
  std::unique_lock<std::mutex> lock(mutex_);
  condition_.wait_until(lock, clock.ToSteady(capped), [this] { return woken_; });
  woken_ = false;
}

void Waker::Wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  condition_.wait(lock, [this] { return woken_; });
  woken_ = false;
}

void Waker::Wake() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    woken_ = true;
  }
  condition_.notify_one();
}

}  // namespace timerd::clock
