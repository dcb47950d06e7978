// Where commands wait for their shard's thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "server/base/mutex.h"
#include "server/reactor/command.h"

namespace timerd::reactor {

// Any thread pushes, one thread takes. A lock is held for a vector's push or swap only, so what a
// turn takes is a batch.
class Inbox {
 public:
  explicit Inbox(size_t capacity) : capacity_(capacity) {}

  enum class Pushed {
    kFirst,  // the inbox was empty: its thread may be asleep
    kMore,
    kFull,  // `command` is untouched
  };
  // `always` ignores the capacity: for what must not be lost, such as a detached stream.
  Pushed Push(Command& command, bool always) {
    const MutexLock lock(mutex_);
    if (commands_.size() >= capacity_ && !always) {
      return Pushed::kFull;
    }
    commands_.push_back(std::move(command));
    most_ = std::max(most_, commands_.size());
    return commands_.size() == 1 ? Pushed::kFirst : Pushed::kMore;
  }

  // All that waits, in the order of the pushes. `taken` must be empty; its memory is reused.
  void Take(std::vector<Command>& taken) {
    const MutexLock lock(mutex_);
    commands_.swap(taken);
  }

  // How many wait now, and how many have waited at once, at most.
  size_t size() const {
    const MutexLock lock(mutex_);
    return commands_.size();
  }
  size_t most() const {
    const MutexLock lock(mutex_);
    return most_;
  }

 private:
  const size_t capacity_;
  mutable Mutex mutex_;
  std::vector<Command> commands_ ABSL_GUARDED_BY(mutex_);
  size_t most_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Answers `command`, which found `capacity` others waiting.
void RefuseFull(Command& command, size_t capacity);

}  // namespace timerd::reactor
