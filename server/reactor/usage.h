// What each namespace has and has done: the numbers behind its limit on handles and its metrics.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/mutex.h"
#include "server/base/token_bucket.h"
#include "server/timer/handle.h"

namespace timerd::reactor {

inline constexpr size_t kKinds = 3;
inline constexpr size_t kEventTypes = 7;

// Any thread. Nothing here locks: each call is a few relaxed atomic additions, and what one call
// counts is not seen by others as one step.
class NamespaceUsage {
 public:
  // How late events may be to fall into each bucket of the histogram, in ascending order. One more
  // bucket takes the rest.
  static constexpr std::array<Span, 11> kLatenessBounds = {
      std::chrono::microseconds(500), std::chrono::milliseconds(1),   std::chrono::milliseconds(2),
      std::chrono::milliseconds(3),   std::chrono::milliseconds(5),   std::chrono::milliseconds(10),
      std::chrono::milliseconds(50),  std::chrono::milliseconds(250), std::chrono::seconds(1),
      std::chrono::seconds(10),       std::chrono::minutes(1)};

  // A handle was made.
  void OnCreated(timer::Kind kind);
  // The same, unless `max_live` handles are live already: then nothing is counted, and the answer
  // is false. Never more than `max_live`, however many shards ask at once.
  bool TryCreate(timer::Kind kind, int64_t max_live);
  // `count` handles were live before this process began.
  void OnFound(timer::Kind kind, int64_t count);
  // A handle has made `event`; `end`: its last, after which it is no longer live.
  void OnEvent(timer::Kind kind, const timer::Event& event, bool end);

  // The feed retains so many more events and bytes.
  void OnFeed(int64_t events, int64_t bytes);

  // What bounds how many handles are made in a second, over all shards.
  TokenBucket& creations() { return creations_; }

  // Handles that have not ended, of all kinds.
  int64_t live() const { return live_.load(std::memory_order_relaxed); }

  // Arrays are indexed by timer::Kind and timer::EventType.
  struct Reading {
    std::array<int64_t, kKinds> live{};
    std::array<uint64_t, kKinds> created{};
    std::array<uint64_t, kEventTypes> events{};
    // Events that had a deadline, by how late they were decided.
    std::array<uint64_t, kLatenessBounds.size() + 1> lateness{};
    Span lateness_sum{};  // to the microsecond
    // What the feed retains.
    int64_t feed_events = 0;
    int64_t feed_bytes = 0;
  };
  Reading Read() const;

 private:
  using Counter = std::atomic<uint64_t>;

  TokenBucket creations_;
  std::atomic<int64_t> live_{0};
  std::array<std::atomic<int64_t>, kKinds> live_by_kind_{};
  std::array<Counter, kKinds> created_{};
  std::array<Counter, kEventTypes> events_{};
  std::array<Counter, kLatenessBounds.size() + 1> lateness_{};
  Counter lateness_sum_us_{0};
  std::atomic<int64_t> feed_events_{0};
  std::atomic<int64_t> feed_bytes_{0};
};

// The usage of all namespaces. Thread-safe.
class UsageRegistry {
 public:
  // A namespace that has been seen is never forgotten, so their number needs a bound.
  explicit UsageRegistry(size_t max_namespaces) : max_namespaces_(max_namespaces) {}

  // The usage of namespace `name`, from now on if it is new; nullptr if it is and there are
  // `max_namespaces` already. Locks and looks up, so callers keep the pointer, which stays valid as
  // long as the registry.
  NamespaceUsage* Get(absl::string_view name);
  size_t max_namespaces() const { return max_namespaces_; }
  // All namespaces, in the order of their names.
  std::vector<std::pair<std::string, const NamespaceUsage*>> All() const;

 private:
  const size_t max_namespaces_;
  mutable Mutex mutex_;
  // A map, whose elements never move.
  std::map<std::string, NamespaceUsage, std::less<>> by_name_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace timerd::reactor
