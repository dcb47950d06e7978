// Delays within the client: when to try again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/time/time.h"

namespace timerd {
inline namespace client {

// One thread of its own, so that a retry waits for no user function. Functions must not block.
class RetryTimer {
 public:
  RetryTimer();
  // REQUIRES: Stop() was called.
  ~RetryTimer() = default;

  // Runs `function` after `delay`; after Stop() at once, on the calling thread.
  void After(absl::Duration delay, std::function<void()> function);
  // Runs all that waits, at once, and ends the thread.
  void Stop();

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<std::chrono::steady_clock::time_point, std::function<void()>>
      waiting_;           // guarded by mutex_
  bool stopped_ = false;  // guarded by mutex_
  std::thread thread_;    // constructor and Stop()
};

// The delays between tries: doubled from `min` to `max`, each shortened by up to a half at random,
// so that clients that lost a server together do not come back together.
class Backoff {
 public:
  Backoff(absl::Duration min, absl::Duration max) : min_(min), max_(max), next_(min) {}
  // `at_least`: what the server has asked for.
  absl::Duration Next(std::optional<absl::Duration> at_least = std::nullopt);
  void Reset() { next_ = min_; }

 private:
  const absl::Duration min_;
  const absl::Duration max_;
  absl::Duration next_;
};

}  // namespace client
}  // namespace timerd
