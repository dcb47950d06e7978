// Frames on their way from one thread to the next.
#pragma once

#include <condition_variable>
#include <memory>
#include <utility>
#include <vector>

#include "server/base/mutex.h"
#include "server/store/frame.h"

namespace timerd::reactor {

// One thread pushes, one takes.
class FrameQueue {
 public:
  void Push(std::shared_ptr<const store::Frame> frame) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      frames_.push_back(std::move(frame));
    }
    changed_.notify_one();
  }
  // No more will come.
  void Close() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      closed_ = true;
    }
    changed_.notify_one();
  }

  // Waits until there are some, and takes them all, in order; none when the queue is closed and
  // empty.
  std::vector<std::shared_ptr<const store::Frame>> TakeAll() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !frames_.empty(); });
    return std::exchange(frames_, {});
  }

 private:
  std::mutex mutex_;  // bare, because std::condition_variable wants it so
  std::condition_variable changed_;
  std::vector<std::shared_ptr<const store::Frame>> frames_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace timerd::reactor
