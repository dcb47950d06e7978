// All open streams: their limit, and their end when the server drains.
#pragma once

#include <cstddef>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "server/base/mutex.h"

namespace timerd::service {

// What calls get while the server drains.
absl::Status ShuttingDown();

// A stream that can be told to end. EndWith() does not block and may be called at any time between
// Add() and Remove(), on any thread.
class Endable {
 public:
  virtual ~Endable() = default;
  virtual void EndWith(const absl::Status& status) = 0;
};

// Thread-safe.
class StreamRegistry {
 public:
  explicit StreamRegistry(size_t max_streams) : max_streams_(max_streams) {}

  // Refuses when the server drains or has as many streams as it may. Does not own `stream`.
  absl::Status Add(Endable* stream);
  void Remove(Endable* stream);
  // Ends all streams; from now on Add() refuses with `status`.
  void EndAll(const absl::Status& status);
  size_t size() const;

 private:
  const size_t max_streams_;
  mutable Mutex mutex_;
  absl::flat_hash_set<Endable*> streams_ ABSL_GUARDED_BY(mutex_);
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace timerd::service
