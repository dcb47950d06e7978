#include "client/src/retry_timer.h"

#include <algorithm>
#include <random>
#include <utility>

namespace timerd {
inline namespace client {

RetryTimer::RetryTimer() : thread_([this] { Run(); }) {}

void RetryTimer::After(absl::Duration delay, std::function<void()> function) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!stopped_) {
      waiting_.emplace(std::chrono::steady_clock::now() + absl::ToChronoMicroseconds(delay),
                       std::move(function));
      changed_.notify_all();
      return;
    }
  }
  function();
}

void RetryTimer::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void RetryTimer::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopped_ || !waiting_.empty()) {
    if (waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto due = waiting_.begin()->first;
    if (!stopped_ && std::chrono::steady_clock::now() < due) {
      changed_.wait_until(lock, due);
      continue;
    }
    std::function<void()> function = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    lock.unlock();
    function();
    function = nullptr;
    lock.lock();
  }
}

absl::Duration Backoff::Next(std::optional<absl::Duration> at_least) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const absl::Duration delay = next_ * std::uniform_real_distribution<double>(0.5, 1)(random);
  next_ = std::min(next_ * 2, max_);
  return std::max(delay, at_least.value_or(delay));
}

}  // namespace client
}  // namespace timerd
