// Boost.Asio's timer_queue, a binary heap with a list, on a clock of ours: what a steady_timer of a
// one-threaded io_context is made of, without the io_context. Operations are allocated beforehand.
#include <boost/asio/detail/chrono_time_traits.hpp>
#include <boost/asio/detail/timer_queue.hpp>
#include <boost/asio/detail/wait_op.hpp>
#include <boost/asio/wait_traits.hpp>
#include <chrono>

#include "tests/bench/wheel/candidates.h"

namespace timerd::bench {
namespace {

namespace asio = boost::asio::detail;

struct ManualClock {
  using duration = std::chrono::milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ManualClock>;
  static time_point now() { return time_point(duration(at)); }

  static Millis at;
};
Millis ManualClock::at = kStart;

using Queue =
    asio::timer_queue<asio::chrono_time_traits<ManualClock, boost::asio::wait_traits<ManualClock>>>;

struct Wait : asio::wait_op {
  Wait() : wait_op([](void*, asio::operation*, const boost::system::error_code&, size_t) {}) {}
};

struct Timer {
  Queue::per_timer_data data;
  Wait wait;
};

class Asio {
 public:
  explicit Asio(size_t n) : timers_(n) { ManualClock::at = kStart; }

  void Schedule(Id id, Millis deadline) {
    queue_.enqueue_timer(ManualClock::time_point(ManualClock::duration(deadline)), timers_[id].data,
                         &timers_[id].wait);
  }
  void Cancel(Id id) {
    asio::op_queue<asio::operation> cancelled;
    queue_.cancel_timer(timers_[id].data, cancelled);
    cancelled.pop();
  }
  void Rearm(Id id, Millis deadline) {
    Cancel(id);
    Schedule(id, deadline);
  }

  template <typename Fired>
  void Advance(Millis to, Fired fired) {
    ManualClock::at = to;
    asio::op_queue<asio::operation> ready;
    queue_.get_ready_timers(ready);
    while (asio::operation* op = ready.front()) {
      ready.pop();
      const Wait* wait = static_cast<Wait*>(op);
      const size_t offset =
          reinterpret_cast<const char*>(wait) - reinterpret_cast<const char*>(&timers_[0].wait);
      fired(static_cast<Id>(offset / sizeof(Timer)));
    }
  }

 private:
  std::vector<Timer> timers_;
  Queue queue_;
};

}  // namespace

void MeasureAsio(const Plan& plan, Results& results) {
  Measurement<Asio>("asio", plan, results).Run();
}

}  // namespace timerd::bench
