#include "client/src/callback_pool.h"

#include <algorithm>
#include <utility>

namespace timerd {
inline namespace client {

CallbackPool::CallbackPool(int threads) {
  for (int i = 0; i < std::max(threads, 1); ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

void CallbackPool::Post(std::function<void()> function) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!stopped_) {
      queue_.push_back(std::move(function));
      changed_.notify_all();
      return;
    }
  }
  function();
}

void CallbackPool::WaitUntilIdle() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return queue_.empty() && running_ == 0; });
}

void CallbackPool::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void CallbackPool::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
    if (queue_.empty()) {
      return;
    }
    std::function<void()> function = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    lock.unlock();
    function();
    function = nullptr;  // what it holds is let go before the pool counts as idle
    lock.lock();
    --running_;
    changed_.notify_all();
  }
}

}  // namespace client
}  // namespace timerd
