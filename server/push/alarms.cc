#include "server/push/alarms.h"

#include <utility>

namespace timerd::push {

RealAlarms::~RealAlarms() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  waker_.Wake();
  thread_.join();
}

void RealAlarms::At(Instant when, absl::AnyInvocable<void()> call) {
  {
    MutexLock lock(mutex_);
    calls_.emplace(when, std::move(call));
  }
  waker_.Wake();
}

std::vector<absl::AnyInvocable<void()>> RealAlarms::TakeDue(Instant now, Instant& next) {
  std::vector<absl::AnyInvocable<void()>> due;
  const auto end = calls_.upper_bound(now);
  for (auto call = calls_.begin(); call != end; ++call) {
    due.push_back(std::move(call->second));
  }
  calls_.erase(calls_.begin(), end);
  next = calls_.empty() ? Instant::max() : calls_.begin()->first;
  return due;
}

void RealAlarms::Run() {
  for (;;) {
    Instant next;
    std::vector<absl::AnyInvocable<void()>> due;
    {
      MutexLock lock(mutex_);
      if (stopping_) {
        return;
      }
      due = TakeDue(Now(), next);
    }
    for (auto& call : due) {
      call();
    }
    if (next == Instant::max()) {
      waker_.Wait();
    } else {
      waker_.WaitUntil(clock_, next);
    }
  }
}

}  // namespace timerd::push
