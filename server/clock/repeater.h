// Something done again and again.
#pragma once

#include <functional>
#include <thread>

#include "server/base/instant.h"
#include "server/base/mutex.h"

namespace timerd::clock {

// Calls a function on a thread of its own.
class Repeater {
 public:
  // The first call is one `interval` from now, the next one `interval` after the end of that.
  Repeater(Span interval, std::function<void()> function);
  // Waits for a call that is under way.
  ~Repeater();
  Repeater(const Repeater&) = delete;
  Repeater& operator=(const Repeater&) = delete;

 private:
  void Loop();

  const Span interval_;
  const std::function<void()> function_;
  std::mutex mutex_;  // bare, because std::condition_variable wants it so
  std::condition_variable stopped_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace timerd::clock
