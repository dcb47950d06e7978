#include "client/src/callback_pool.h"

#include <algorithm>
#include <utility>

namespace timerd {
inline namespace client {

namespace {

thread_local bool on_its_thread = false;

}  // namespace

CallbackPool::CallbackPool(int threads, Activity& activity) : activity_(activity) {
  for (int i = 0; i < std::max(threads, 1); ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

bool CallbackPool::OnItsThread() { return on_its_thread; }

void CallbackPool::Post(std::function<void()> function) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!stopped_) {
      activity_.Begin();
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
  on_its_thread = true;
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
    activity_.End();
    lock.lock();
    --running_;
    changed_.notify_all();
  }
}

}  // namespace client
}  // namespace timerd
