// A value that comes later: wait for it, or be called back with it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace timerd {
inline namespace client {

template <typename T>
class Promise;

// A cheap reference to a value that is set once. Copies share the value. Thread-safe.
template <typename T>
class Future {
 public:
  // Refers to nothing: never ready.
  Future() = default;

  bool ready() const { return Wait(absl::ZeroDuration()).has_value(); }

  // Blocks until the value is there or `limit` has passed; nullopt in the latter case. On a
  // callback thread of the client a wait keeps that thread from running other functions.
  std::optional<T> Wait(absl::Duration limit) const;

  // Blocks for as long as it takes. Closing the client ends all of its futures.
  T Get() const { return *Wait(absl::InfiniteDuration()); }

  // Calls `callback` once with the value, on a callback thread of the client; in the order in which
  // the callbacks were added. Once the client is closed: on the thread that calls OnReady().
  void OnReady(std::function<void(const T&)> callback) const;

 private:
  friend class Promise<T>;
  using Executor = std::function<void(std::function<void()>)>;

  struct Shared {
    explicit Shared(Executor run) : execute(std::move(run)) {}
    const Executor execute;
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<T> value;                                // guarded by mutex
    std::vector<std::function<void(const T&)>> callbacks;  // guarded by mutex
  };

  explicit Future(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  std::shared_ptr<Shared> shared_;
};

// The side that sets the value. The library makes promises; its users hold futures.
template <typename T>
class Promise {
 public:
  using Executor = typename Future<T>::Executor;

  // `execute` runs the callbacks.
  explicit Promise(Executor execute)
      : shared_(std::make_shared<typename Future<T>::Shared>(std::move(execute))) {}

  Future<T> future() const { return Future<T>(shared_); }

  // The first value counts; true if it was this one.
  bool Set(T value) const;

 private:
  std::shared_ptr<typename Future<T>::Shared> shared_;
};

template <typename T>
std::optional<T> Future<T>::Wait(absl::Duration limit) const {
  if (shared_ == nullptr) {
    return std::nullopt;
  }
  // A wait_until() past the end of its clock would overflow; nobody waits for a century.
  constexpr absl::Duration kForever = absl::Hours(24 * 36500);
  const auto until = std::chrono::steady_clock::now() +
                     absl::ToChronoMicroseconds(limit < kForever ? limit : kForever);
  std::unique_lock<std::mutex> lock(shared_->mutex);
  shared_->changed.wait_until(lock, until, [this] { return shared_->value.has_value(); });
  return shared_->value;
}

template <typename T>
void Future<T>::OnReady(std::function<void(const T&)> callback) const {
  if (shared_ == nullptr) {
    return;
  }
  {
    std::lock_guard<std::mutex> lock(shared_->mutex);
    if (!shared_->value.has_value()) {
      shared_->callbacks.push_back(std::move(callback));
      return;
    }
  }
  shared_->execute(
      [shared = shared_, callback = std::move(callback)] { callback(*shared->value); });
}

template <typename T>
bool Promise<T>::Set(T value) const {
  std::vector<std::function<void(const T&)>> callbacks;
  {
    std::lock_guard<std::mutex> lock(shared_->mutex);
    if (shared_->value.has_value()) {
      return false;
    }
    shared_->value = std::move(value);
    callbacks.swap(shared_->callbacks);
  }
  shared_->changed.notify_all();
  for (auto& callback : callbacks) {
    shared_->execute(
        [shared = shared_, callback = std::move(callback)] { callback(*shared->value); });
  }
  return true;
}

}  // namespace client
}  // namespace timerd
