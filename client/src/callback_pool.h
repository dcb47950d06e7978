// The threads that run the user's functions and callbacks.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "client/src/activity.h"

namespace timerd {
inline namespace client {

// Starts functions in the order in which they were posted; each counts as activity until it has
// run. Thread-safe.
class CallbackPool {
 public:
  CallbackPool(int threads, Activity& activity);
  // REQUIRES: Stop() was called.
  ~CallbackPool() = default;

  // After Stop() it runs `function` on the calling thread: late callbacks are not lost.
  void Post(std::function<void()> function);
  // Blocks until nothing is queued and nothing runs.
  void WaitUntilIdle();
  // Runs what is queued, then ends the threads.
  void Stop();
  // True on the threads of any pool.
  static bool OnItsThread();

 private:
  void Run();

  Activity& activity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  int running_ = 0;                          // guarded by mutex_
  bool stopped_ = false;                     // guarded by mutex_
  std::vector<std::thread> threads_;         // constructor and Stop()
};

}  // namespace client
}  // namespace timerd
