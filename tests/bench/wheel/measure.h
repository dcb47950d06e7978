// Takes a candidate through the workload and times it.
#pragma once

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/results.h"
#include "tests/bench/wheel/workload.h"

namespace timerd::bench {

struct Plan {
  Delays delays = Delays::kUniform;
  size_t timers = 1'000'000;
  int runs = 3;    // the whole life over again, with the same random numbers
  int rounds = 5;  // of churn in each run
};

inline double Nanos() {
  return std::chrono::duration<double, std::nano>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline size_t BytesAllocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// The typical one: what a virtual machine steals from a few runs does not count.
inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

template <typename Body>
double NanosEach(size_t operations, Body body) {
  const double start = Nanos();
  body();
  return (Nanos() - start) / static_cast<double>(operations);
}

template <typename Candidate>
class Measurement {
 public:
  Measurement(std::string name, const Plan& plan, Results& results)
      : prefix_(std::move(name) + "." + NameOf(plan.timers) + "." + NameOf(plan.delays) + "."),
        plan_(plan),
        results_(results),
        churned_(std::min<size_t>(plan.timers / 4, 500'000)) {}

  void Run() {
    for (int run = 0; run < plan_.runs; ++run) {
      CleanLife();
      ChurnedLife();
    }
    Report("schedule_ns", Median(schedule_), "ns");
    Report("cancel_ns", Median(cancel_), "ns");
    Report("rearm_ns", Median(rearm_), "ns");
    Report("fire_ns", Median(fire_), "ns");
    if (TellsPauses()) {
      Report("pause_us_max", *std::max_element(pauses_.begin(), pauses_.end()) / 1000, "us");
    }
    Report("bytes_per_timer", bytes_ / static_cast<double>(plan_.timers), "B");
    Report("bytes_per_timer_churned", bytes_churned_ / static_cast<double>(plan_.timers), "B");
    if (plan_.delays == Delays::kConstant) {
      for (int run = 0; run < plan_.runs; ++run) {
        Requests();
      }
      Report("request_pair_ns", Median(request_pair_), "ns");
    }
  }

 private:
  struct Life {
    explicit Life(const Plan& plan)
        : delays(plan.delays, plan.timers),
          bytes_before(BytesAllocated()),
          timers(std::make_unique<Candidate>(plan.timers)) {}

    // A candidate whose memory does not come from malloc says itself what it holds.
    double bytes() const {
      if constexpr (requires { timers->bytes(); }) {
        return static_cast<double>(timers->bytes());
      } else {
        return static_cast<double>(BytesAllocated() - bytes_before);
      }
    }

    DelayTable delays;
    size_t bytes_before;
    std::unique_ptr<Candidate> timers;
    Millis now = kStart;
  };

  // The longest tick of fewer runs is what was stolen from them.
  bool TellsPauses() const { return plan_.runs >= 3; }

  void Report(const char* figure, double value, const char* unit) {
    results_.Add(prefix_ + figure, value, unit);
  }

  void Fill(Life& life) {
    const Id n = static_cast<Id>(plan_.timers);
    if (plan_.delays != Delays::kConstant) {
      for (Id id = 0; id < n; ++id) {
        life.timers->Schedule(id, life.now + life.delays.Next());
      }
      return;
    }
    for (Millis tick = 0, id = 0; tick < DelayTable::kTtl; ++tick) {
      if (tick > 0) {
        life.timers->Advance(++life.now, [](Id) { Die("a timer fired early"); });
      }
      for (; id < (tick + 1) * n / DelayTable::kTtl; ++id) {
        life.timers->Schedule(static_cast<Id>(id), life.now + DelayTable::kTtl);
      }
    }
  }

  // Filled and fired, tick by tick: nothing in between.
  void CleanLife() {
    Life life(plan_);
    Fill(life);
    bytes_ = life.bytes();
    size_t fired = 0;
    fire_.push_back(NanosEach(plan_.timers, [&] {
      while (fired < plan_.timers) {
        life.timers->Advance(++life.now, [&fired](Id) { ++fired; });
      }
    }));
  }

  // Filled, changed at a frozen clock, kept going for a while, and fired. Of each tick in the end
  // the shortest time over the runs, which do the same: so what is stolen in one does not count.
  void ChurnedLife() {
    Life life(plan_);
    Fill(life);
    Churn(life);
    bytes_churned_ = life.bytes();
    if (!TellsPauses()) {
      return;
    }
    const int held = plan_.delays == Delays::kUniform ? 300'000 : 30'000;
    for (int tick = 0; tick < held; ++tick) {
      ++life.now;
      life.timers->Advance(
          life.now, [&life](Id id) { life.timers->Schedule(id, life.now + life.delays.Next()); });
    }
    size_t fired = 0;
    double before = Nanos();
    for (size_t tick = 0; fired < plan_.timers; ++tick) {
      life.timers->Advance(++life.now, [&fired](Id) { ++fired; });
      const double after = Nanos();
      if (tick == pauses_.size()) {
        pauses_.push_back(after - before);
      }
      pauses_[tick] = std::min(pauses_[tick], after - before);
      before = after;
    }
  }

  void Churn(Life& life) {
    Candidate& timers = *life.timers;
    Draw draw(plan_.timers);
    for (int round = 0; round < plan_.rounds; ++round) {
      std::vector<Id> ids = draw.Distinct(churned_);
      cancel_.push_back(NanosEach(churned_, [&] {
        for (Id id : ids) {
          timers.Cancel(id);
        }
      }));
      std::shuffle(ids.begin(), ids.end(), std::mt19937_64(round));
      schedule_.push_back(NanosEach(churned_, [&] {
        for (Id id : ids) {
          timers.Schedule(id, life.now + life.delays.Next());
        }
      }));
      const std::vector<Id>& others = draw.Distinct(churned_);
      rearm_.push_back(NanosEach(churned_, [&] {
        for (Id id : others) {
          timers.Rearm(id, life.now + life.delays.Next());
        }
      }));
    }
  }

  // N time-outs of 30 s, nearly all of them cancelled and armed again before they fire: what such a
  // pair costs, with all the ticks that go with it.
  void Requests() {
    const size_t pairs = plan_.timers / 6500;
    Life life(plan_);
    Fill(life);
    std::mt19937_64 random(3);
    std::vector<Id> picks(size_t{1} << 20);
    for (Id& pick : picks) {
      pick = static_cast<Id>(random() % plan_.timers);
    }
    size_t next_pick = 0;
    auto ticks = [&](int count) {
      for (int tick = 0; tick < count; ++tick) {
        for (size_t i = 0; i < pairs; ++i) {
          const Id id = picks[next_pick++ % picks.size()];
          life.timers->Cancel(id);
          life.timers->Schedule(id, life.now + DelayTable::kTtl);
        }
        ++life.now;
        life.timers->Advance(
            life.now, [&life](Id id) { life.timers->Schedule(id, life.now + DelayTable::kTtl); });
      }
    };
    ticks(static_cast<int>(DelayTable::kTtl));  // now no timer is left of the fill
    constexpr int kTicks = 3000;
    request_pair_.push_back(NanosEach(kTicks * pairs, [&] { ticks(kTicks); }));
  }

  [[noreturn]] static void Die(const char* what) {
    std::fprintf(stderr, "wheel_bench: %s\n", what);
    std::abort();
  }

  const std::string prefix_;
  const Plan plan_;
  Results& results_;
  const size_t churned_;
  std::vector<double> schedule_, cancel_, rearm_, fire_, request_pair_;
  std::vector<double> pauses_;  // of each tick of the last part, the shortest
  double bytes_ = 0, bytes_churned_ = 0;
};

}  // namespace timerd::bench
