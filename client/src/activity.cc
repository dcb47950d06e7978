#include "client/src/activity.h"

namespace timerd {
inline namespace client {

void Activity::Begin() {
  std::lock_guard<std::mutex> lock(mutex_);
  ++begun_;
}

void Activity::End() {
  std::lock_guard<std::mutex> lock(mutex_);
  ++ended_;
  changed_.notify_all();
}

uint64_t Activity::begun() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return begun_;
}

bool Activity::WaitUntilQuiet(absl::Time until, const std::function<bool()>& also) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    const uint64_t ended = ended_;
    if (begun_ == ended) {
      // Without the lock, as it may take others under which things begin and end.
      lock.unlock();
      const bool holds = also();
      lock.lock();
      if (holds && begun_ == ended) {
        return true;
      }
    }
    const bool in_time = changed_.wait_until(lock, absl::ToChronoTime(until),
                                             [this, ended] { return ended_ != ended; });
    if (!in_time) {
      return false;
    }
  }
}

}  // namespace client
}  // namespace timerd
