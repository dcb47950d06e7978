// libuv's timers, a binary heap of pointers. Its loop's time is a public field; the loop's step
// that runs timers is called by itself, without the loop's polling, which is why libuv is linked in
// as the static library: the function is not exported from the shared one.
#include <uv.h>

#include "tests/bench/wheel/candidates.h"

extern "C" void uv__run_timers(uv_loop_t* loop);

namespace timerd::bench {
namespace {

class Libuv {
 public:
  explicit Libuv(size_t n) : timers_(n) {
    uv_loop_init(&loop_);
    loop_.data = this;
    loop_.time = kStart;
    for (uv_timer_t& timer : timers_) {
      uv_timer_init(&loop_, &timer);
    }
  }
  ~Libuv() {
    for (uv_timer_t& timer : timers_) {
      uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
    }
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_loop_close(&loop_);
  }
  Libuv(const Libuv&) = delete;
  Libuv& operator=(const Libuv&) = delete;

  void Schedule(Id id, Millis deadline) {
    uv_timer_start(&timers_[id], &OnTimer, deadline - loop_.time, 0);
  }
  void Cancel(Id id) { uv_timer_stop(&timers_[id]); }
  void Rearm(Id id, Millis deadline) { Schedule(id, deadline); }

  template <typename Fired>
  void Advance(Millis to, Fired fired) {
    loop_.time = to;
    uv__run_timers(&loop_);
    for (Id id : due_) {
      fired(id);
    }
    due_.clear();
  }

 private:
  static void OnTimer(uv_timer_t* timer) {
    auto* self = static_cast<Libuv*>(timer->loop->data);
    self->due_.push_back(static_cast<Id>(timer - self->timers_.data()));
  }

  uv_loop_t loop_;
  std::vector<uv_timer_t> timers_;
  std::vector<Id> due_;
};

}  // namespace

void MeasureLibuv(const Plan& plan, Results& results) {
  Measurement<Libuv>("libuv", plan, results).Run();
}

}  // namespace timerd::bench
