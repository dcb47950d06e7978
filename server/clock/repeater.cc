#include "server/clock/repeater.h"

#include <utility>

namespace timerd::clock {

Repeater::Repeater(Span interval, std::function<void()> function)
    : interval_(interval), function_(std::move(function)), thread_([this] { Loop(); }) {}

Repeater::~Repeater() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_one();
  thread_.join();
}

void Repeater::Loop() {
  while (true) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      if (stopped_.wait_for(lock, interval_, [this] { return stopping_; })) {
        return;
      }
    }
    function_();
  }
}

}  // namespace timerd::clock
