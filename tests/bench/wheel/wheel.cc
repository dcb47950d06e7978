// Our wheel. Its order among equal deadlines costs it a place for each timer; no peer keeps one.
#include <random>

#include "server/wheel/timing_wheel.h"
#include "tests/bench/wheel/candidates.h"

namespace timerd::bench {
namespace {

class Wheel {
 public:
  explicit Wheel(size_t) : wheel_(kStart) {}

  void Schedule(Id id, Millis deadline) { wheel_.Arm(id, deadline, place_++); }
  void Cancel(Id id) { wheel_.Disarm(id); }
  void Rearm(Id id, Millis deadline) { wheel_.Arm(id, deadline, place_++); }

  template <typename Fired>
  void Advance(Millis to, Fired fired) {
    wheel::Expired expired;
    while (wheel_.PopExpired(to, &expired)) {
      fired(expired.handle);
    }
  }

  size_t bytes() const { return wheel_.bytes(); }

 private:
  wheel::TimingWheel wheel_;
  wheel::Place place_ = 0;
};

}  // namespace

void MeasureWheel(const Plan& plan, Results& results) {
  Measurement<Wheel>("wheel", plan, results).Run();
}

void MeasureSparseWheel(Results& results) {
  wheel::TimingWheel wheel(kStart);
  wheel::Expired expired;
  std::mt19937_64 random(4);
  for (Id id = 0; id < 1000; ++id) {
    wheel.Arm(id, kStart + 300'000 + random() % 3'600'000, id);
  }
  constexpr size_t kTicks = 200'000;
  size_t fired = 0;
  const double tick = NanosEach(kTicks, [&] {
    for (size_t i = 0; i < kTicks; ++i) {
      fired += wheel.PopExpired(wheel.now() + 1, &expired) ? 1 : 0;
    }
  });
  const double jump = NanosEach(1000 - fired, [&] {
    while (wheel.size() > 0) {
      wheel.PopExpired(wheel.NextWake(), &expired);
    }
  });
  std::vector<double> hours(101);
  for (double& hour : hours) {
    hour = NanosEach(1, [&] { wheel.PopExpired(wheel.now() + 3'600'000, &expired); });
  }
  results.Add("wheel.idle_tick_ns", tick, "ns");
  results.Add("wheel.jump_ns", jump, "ns");
  results.Add("wheel.idle_hour_ns", Median(hours), "ns");
}

}  // namespace timerd::bench
