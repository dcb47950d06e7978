// How a thread waits for a moment of service time and is woken before it.
#pragma once

#include "server/base/mutex.h"
#include "server/clock/clock.h"

namespace timerd::clock {

// One thread waits, any thread wakes.
class Waker {
 public:
  // Returns at `until`, or at once when Wake() was called since the last return. Never before both.
  void WaitUntil(const RealClock& clock, Instant until);
  // Returns once Wake() has been called since the last return.
  void Wait();
  void Wake();

 private:
  std::mutex mutex_;  // bare, because std::condition_variable wants it so
  std::condition_variable condition_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace timerd::clock
