// libevent's timers, a binary heap of pointers. Its loop is the only way to run them, and the loop
// reads the clock and polls; so the static library is linked in, and the linker is told to wrap
// both calls: the clock is ours, and the poll finds nothing, at once.
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/epoll.h>
#include <time.h>

#include "tests/bench/wheel/candidates.h"

namespace {

timerd::bench::Millis libevent_now = timerd::bench::kStart;

}  // namespace

// The names are what the linker's --wrap asks for.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" int __wrap_clock_gettime(clockid_t, timespec* time) {
  time->tv_sec = static_cast<time_t>(libevent_now / 1000);
  time->tv_nsec = static_cast<long>(libevent_now % 1000 * 1'000'000);
  return 0;
}
extern "C" int __wrap_epoll_wait(int, epoll_event*, int, int) { return 0; }
// NOLINTEND(bugprone-reserved-identifier)

namespace timerd::bench {
namespace {

class Libevent {
 public:
  explicit Libevent(size_t n) : timers_(n) {
    libevent_now = kStart;
    base_ = event_base_new();
    for (event& timer : timers_) {
      evtimer_assign(&timer, base_, &OnTimer, this);
    }
  }
  ~Libevent() {
    for (event& timer : timers_) {
      event_del(&timer);
    }
    event_base_free(base_);
  }
  Libevent(const Libevent&) = delete;
  Libevent& operator=(const Libevent&) = delete;

  void Schedule(Id id, Millis deadline) {
    const Millis delay = deadline - libevent_now;
    const timeval wait = {static_cast<time_t>(delay / 1000),
                          static_cast<suseconds_t>(delay % 1000 * 1000)};
    event_add(&timers_[id], &wait);
  }
  void Cancel(Id id) { event_del(&timers_[id]); }
  void Rearm(Id id, Millis deadline) { Schedule(id, deadline); }

  template <typename Fired>
  void Advance(Millis to, Fired fired) {
    libevent_now = to;
    event_base_loop(base_, EVLOOP_NONBLOCK);
    for (Id id : due_) {
      fired(id);
    }
    due_.clear();
  }

 private:
  // libevent does not say which timer it is, only what it was given for it.
  static void OnTimer(evutil_socket_t, short, void* self) {
    auto* that = static_cast<Libevent*>(self);
    event* timer = event_base_get_running_event(that->base_);
    that->due_.push_back(static_cast<Id>(timer - that->timers_.data()));
  }

  event_base* base_;
  std::vector<event> timers_;
  std::vector<Id> due_;
};

}  // namespace

void MeasureLibevent(const Plan& plan, Results& results) {
  Measurement<Libevent>("libevent", plan, results).Run();
}

}  // namespace timerd::bench
