// What the wheel costs, beside std::priority_queue with lazy deletion in the same run.
//
//   wheel_bench [--with_10m] [--benchmark_filter=...]
//
// Life: N timers are armed, churned at a frozen clock, and fired tick by tick. Of each phase the
// mean cost of an operation, in nanoseconds of processor time, the best of the iterations.
// worst_tick_us is the longest tick of the firing phase: for each tick the shortest time over the
// iterations, which do the same work, and then the longest tick; so what a virtual machine steals
// does not count. Request: N time-outs of 30 s, nearly all of them cancelled and armed again before
// they fire. The cost of such a pair, with all the ticks and cascades that go with it.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "server/wheel/timing_wheel.h"

namespace timerd::wheel {
namespace {

constexpr Tick kStart = 1'800'000'000'000;
constexpr Tick kTtl = 30'000;

// The peer: entries stay in the heap when they die, and the heap is rebuilt when most are dead.
class LazyQueue {
 public:
  explicit LazyQueue(Tick) {}
  void Arm(Handle handle, Tick deadline, Place place) {
    if (handle >= places_.size()) {
      places_.resize(std::max<size_t>(handle + 1, places_.size() * 2));
    }
    live_ += places_[handle] == 0 ? 1 : 0;
    places_[handle] = place + 1;
    heap_.push({handle, deadline, place});
    if (heap_.size() > 2 * live_ + 1024) {
      heap_.Rebuild([this](const Expired& item) { return places_[item.handle] == item.place + 1; });
    }
  }
  void Disarm(Handle handle) {
    live_ -= places_[handle] != 0 ? 1 : 0;
    places_[handle] = 0;
  }
  bool PopExpired(Tick limit, Expired* expired) {
    while (!heap_.empty() && heap_.top().deadline <= limit) {
      *expired = heap_.top();
      heap_.pop();
      if (places_[expired->handle] == expired->place + 1) {
        places_[expired->handle] = 0;
        --live_;
        return true;
      }
    }
    return false;
  }
  size_t size() const { return live_; }
  size_t bytes() const { return heap_.bytes() + places_.capacity() * sizeof(Place); }

 private:
  struct Later {
    bool operator()(const Expired& a, const Expired& b) const { return Before(b, a); }
  };
  struct Heap : std::priority_queue<Expired, std::vector<Expired>, Later> {
    template <typename Keep>
    void Rebuild(Keep keep) {
      std::erase_if(c, [&](const Expired& item) { return !keep(item); });
      std::make_heap(c.begin(), c.end(), comp);
    }
    size_t bytes() const { return c.capacity() * sizeof(Expired); }
  };

  Heap heap_;
  std::vector<Place> places_;  // plus 1; 0: not armed
  size_t live_ = 0;
};

enum Delays { kUniform1h, kExponential30s, kConstant30s };

class DelayTable {
 public:
  explicit DelayTable(Delays kind) : kind_(kind), table_(1 << 20) {
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> unit(0, 1);
    for (Tick& delay : table_) {
      double u = unit(random);
      delay = 1 + static_cast<Tick>(kind == kUniform1h ? u * 3'600'000 : -30'000 * std::log(1 - u));
    }
  }
  // The delay of the i-th of n timers.
  Tick operator()(size_t i, size_t n) const {
    return kind_ == kConstant30s ? kTtl + i * kTtl / n : table_[i % table_.size()];
  }

 private:
  Delays kind_;
  std::vector<Tick> table_;
};

double Now() {
  return std::chrono::duration<double, std::nano>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double CpuNow() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

template <typename Body>
double NanosEach(size_t operations, Body body) {
  double start = CpuNow();
  body();
  return (CpuNow() - start) / static_cast<double>(operations);
}

void KeepLeast(benchmark::State& state, const char* name, double value) {
  auto [it, is_new] = state.counters.try_emplace(name, value);
  it->second.value = std::min(it->second.value, value);
}

template <typename Structure>
void Life(benchmark::State& state, Delays kind) {
  size_t n = static_cast<size_t>(state.range(0));
  size_t k = n / 4;
  constexpr int kRounds = 3;
  DelayTable delays(kind);
  std::vector<double> shortest_ticks;
  for (auto _ : state) {
    std::mt19937_64 random(2);
    std::vector<Handle> handles(n);
    std::iota(handles.begin(), handles.end(), 0);
    Structure timers(kStart);
    Place place = 0;
    Expired expired;

    KeepLeast(state, "fill_ns", NanosEach(n, [&] {
                for (Handle h = 0; h < n; ++h) {
                  timers.Arm(h, kStart + delays(h, n), place++);
                }
              }));
    double schedule = 0, cancel = 0, rearm = 0;
    for (int round = 0; round < kRounds; ++round) {
      std::shuffle(handles.begin(), handles.end(), random);
      cancel += NanosEach(k * kRounds, [&] {
        for (size_t i = 0; i < k; ++i) {
          timers.Disarm(handles[i]);
        }
      });
      std::shuffle(handles.begin(), handles.begin() + static_cast<ptrdiff_t>(k), random);
      schedule += NanosEach(k * kRounds, [&] {
        for (size_t i = 0; i < k; ++i) {
          timers.Arm(handles[i], kStart + delays(place * 7, n), place);
          ++place;
        }
      });
      std::shuffle(handles.begin(), handles.end(), random);
      rearm += NanosEach(k * kRounds, [&] {
        for (size_t i = 0; i < k; ++i) {
          timers.Arm(handles[i], kStart + delays(place * 11, n), place);
          ++place;
        }
      });
    }
    KeepLeast(state, "schedule_ns", schedule);
    KeepLeast(state, "cancel_ns", cancel);
    KeepLeast(state, "rearm_ns", rearm);
    state.counters["bytes_per_timer"] =
        static_cast<double>(timers.bytes()) / static_cast<double>(n);

    size_t fired = 0;
    size_t tick = 0;
    KeepLeast(state, "fire_ns", NanosEach(n, [&] {
                for (double before = Now(); timers.size() > 0; ++tick) {
                  while (timers.PopExpired(kStart + 1 + tick, &expired)) {
                    ++fired;
                  }
                  double after = Now();
                  if (tick == shortest_ticks.size()) {
                    shortest_ticks.push_back(after - before);
                  }
                  shortest_ticks[tick] = std::min(shortest_ticks[tick], after - before);
                  before = after;
                }
              }));
    if (fired != n) {
      state.SkipWithError("a timer was lost");
    }
  }
  state.counters["worst_tick_us"] =
      *std::max_element(shortest_ticks.begin(), shortest_ticks.end()) / 1000;
}

template <typename Structure>
void Request(benchmark::State& state) {
  size_t n = static_cast<size_t>(state.range(0));
  size_t pairs_per_tick = std::max<size_t>(1, n / 6500);
  std::mt19937_64 random(3);
  std::vector<Handle> picks(1 << 20);
  for (Handle& pick : picks) {
    pick = static_cast<Handle>(random() % n);
  }
  Structure timers(kStart);
  Place place = 0;
  Tick now = kStart;
  Expired expired;
  size_t next_pick = 0;
  for (Handle h = 0; h < n; ++h) {
    timers.Arm(h, now + 1 + h * kTtl / n, place++);
  }
  auto one_tick = [&] {
    for (size_t i = 0; i < pairs_per_tick; ++i) {
      Handle handle = picks[next_pick++ % picks.size()];
      timers.Disarm(handle);
      timers.Arm(handle, now + kTtl, place++);
    }
    ++now;
    while (timers.PopExpired(now, &expired)) {
      timers.Arm(expired.handle, now + kTtl, place++);
    }
  };
  for (Tick i = 0; i < 2 * kTtl; ++i) {
    one_tick();
  }
  double best = 1e18;
  for (auto _ : state) {
    constexpr int kTicks = 6000;
    best = std::min(best, NanosEach(kTicks * pairs_per_tick, [&] {
                      for (int i = 0; i < kTicks; ++i) {
                        one_tick();
                      }
                    }));
  }
  state.counters["pair_ns"] = best;
  state.counters["bytes_per_timer"] = static_cast<double>(timers.bytes()) / static_cast<double>(n);
}

// A wheel of few timers: the price of a tick with nothing to do, and of a jump to the next
// deadline.
void Sparse(benchmark::State& state) {
  TimingWheel wheel(kStart);
  std::mt19937_64 random(4);
  for (Handle h = 0; h < 1000; ++h) {
    wheel.Arm(h, kStart + 300'000 + random() % 3'600'000, h);
  }
  Expired expired;
  for (auto _ : state) {
    constexpr Tick kTicks = 200'000;
    KeepLeast(state, "idle_tick_ns", NanosEach(kTicks, [&] {
                for (Tick i = 0; i < kTicks; ++i) {
                  benchmark::DoNotOptimize(wheel.PopExpired(wheel.now() + 1, &expired));
                }
              }));
    KeepLeast(state, "jump_ns", NanosEach(1000, [&] {
                while (wheel.size() > 0) {
                  benchmark::DoNotOptimize(wheel.PopExpired(wheel.NextWake(), &expired));
                }
              }));
    KeepLeast(state, "empty_hour_ns", NanosEach(1, [&] {
                benchmark::DoNotOptimize(wheel.PopExpired(wheel.now() + 3'600'000, &expired));
              }));
  }
}

// N timers on one tick, a minute ahead, armed in an order that is not that of their places: the
// longest tick before theirs, the time to the first of them, and then the cost of each.
template <typename Structure>
void Crowd(benchmark::State& state) {
  size_t n = static_cast<size_t>(state.range(0));
  std::vector<Place> places(n);
  std::iota(places.begin(), places.end(), 0);
  std::shuffle(places.begin(), places.end(), std::mt19937_64(5));
  for (auto _ : state) {
    Structure timers(kStart);
    for (Handle h = 0; h < n; ++h) {
      timers.Arm(h, kStart + 60'000, places[h]);
    }
    Expired expired;
    double worst = 0;
    for (Tick tick = kStart; tick < kStart + 60'000; ++tick) {
      worst = std::max(worst, NanosEach(1, [&] { timers.PopExpired(tick, &expired); }));
    }
    KeepLeast(state, "worst_tick_ahead_us", worst / 1000);
    KeepLeast(state, "first_pop_us",
              NanosEach(1000, [&] { timers.PopExpired(kStart + 60'000, &expired); }));
    KeepLeast(state, "fire_ns", NanosEach(n, [&] {
                while (timers.PopExpired(kStart + 60'000, &expired)) {
                }
              }));
  }
}

template <typename Structure>
void Register(const std::string& name, int64_t n) {
  struct Kind {
    Delays delays;
    const char* name;
  };
  for (Kind kind : {Kind{kUniform1h, "uniform_1h"}, Kind{kExponential30s, "exponential_30s"},
                    Kind{kConstant30s, "constant_30s"}}) {
    benchmark::RegisterBenchmark(("Life/" + name + "/" + kind.name).c_str(), Life<Structure>,
                                 kind.delays)
        ->Arg(n)
        ->Iterations(3)
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RegisterBenchmark(("Request/" + name).c_str(), Request<Structure>)
      ->Arg(n)
      ->Iterations(3)
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark(("Crowd/" + name).c_str(), Crowd<Structure>)
      ->Arg(n)
      ->Iterations(3)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace timerd::wheel

int main(int argc, char** argv) {
  std::vector<int64_t> sizes = {100'000, 1'000'000};
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--with_10m") == 0) {
      sizes.push_back(10'000'000);
      std::rotate(argv + i, argv + i + 1, argv + argc);
      --argc;
      break;
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 1;
  }
  benchmark::RegisterBenchmark("Sparse", timerd::wheel::Sparse)->Iterations(1);
  for (int64_t n : sizes) {
    timerd::wheel::Register<timerd::wheel::TimingWheel>("wheel", n);
    timerd::wheel::Register<timerd::wheel::LazyQueue>("priority_queue", n);
  }
  benchmark::RunSpecifiedBenchmarks();
}
