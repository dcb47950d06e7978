// Calls back at a moment.
#pragma once

#include <map>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "server/base/mutex.h"
#include "server/clock/clock.h"
#include "server/clock/waker.h"

namespace timerd::push {

// Any thread.
class Alarms {
 public:
  virtual ~Alarms() = default;
  virtual Instant Now() const = 0;
  // Calls `call` once at `when` or later, on a thread of the alarms', never inside this call.
  virtual void At(Instant when, absl::AnyInvocable<void()> call) = 0;
};

// One thread for all. Push targets are outside and live by real time, whatever --clock says.
class RealAlarms final : public Alarms {
 public:
  RealAlarms() : thread_([this] { Run(); }) {}
  // Drops what is not due, and waits for a call under way.
  ~RealAlarms() override;

  Instant Now() const override { return clock_.Read().now; }
  void At(Instant when, absl::AnyInvocable<void()> call) override;

 private:
  void Run();
  // Takes what is due at `now` out of `calls_`; `next` becomes the time of the one after, if any.
  std::vector<absl::AnyInvocable<void()>> TakeDue(Instant now, Instant& next)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const clock::RealClock clock_{Instant()};
  clock::Waker waker_;
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::multimap<Instant, absl::AnyInvocable<void()>> calls_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace timerd::push
