// What the wheel costs, beside other ways to keep timers, in the same run and on the same workload.
//
//   wheel_bench [--full] [--only=CANDIDATE] [--json=FILE]
//
// A million timers for all, ten million for the wheel with uniform delays; --full: ten million for
// all, which takes about half an hour. Prints the figures, and merges them into FILE: see
// results.h.
//
//   <candidate>.<timers>.<delays>.schedule_ns  an operation's mean in a loop of many, clock
//   standing
//                                .cancel_ns    the same; each on a random timer
//                                .rearm_ns     the same
//                                .fire_ns      from full to empty, tick by tick, per timer
//                                .pause_us_max the longest tick on that way, after changes; of
//                                peers
//                                              with --full only, because it takes three runs
//                                .request_pair_ns      cancel and schedule, 30 s, ticks and all
//                                .bytes_per_timer      allocated, filled
//                                .bytes_per_timer_churned   and after changes at a standing clock
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/results.h"
#include "tests/bench/wheel/candidates.h"

namespace timerd::bench {
namespace {

struct Candidate {
  std::string_view name;
  void (*measure)(const Plan& plan, Results& results);
};

constexpr Candidate kCandidates[] = {
    {"wheel", &MeasureWheel},       {"priority_queue", &MeasurePriorityQueue},
#ifdef TIMERD_BENCH_ASIO
    {"asio", &MeasureAsio},
#endif
#ifdef TIMERD_BENCH_LIBEVENT
    {"libevent", &MeasureLibevent},
#endif
#ifdef TIMERD_BENCH_LIBUV
    {"libuv", &MeasureLibuv},
#endif
};

int Main(int argc, char** argv) {
  bool full = false;
  std::string json;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--full") {
      full = true;
    } else if (argument.starts_with("--json=")) {
      json = argument.substr(7);
    } else if (argument.starts_with("--only=")) {
      only = argument.substr(7);
    } else {
      std::fprintf(stderr, "usage: wheel_bench [--full] [--only=CANDIDATE] [--json=FILE]\n");
      return 1;
    }
  }

  Results results;
  MeasureSparseWheel(results);
  for (const Candidate& candidate : kCandidates) {
    if (!only.empty() && candidate.name != only) {
      continue;
    }
    const bool ours = candidate.name == "wheel";
    for (size_t timers : {size_t{1'000'000}, size_t{10'000'000}}) {
      for (Delays delays : {Delays::kUniform, Delays::kExponential, Delays::kConstant}) {
        Plan plan{.delays = delays, .timers = timers};
        if (timers > 1'000'000 && !full && !(ours && delays == Delays::kUniform)) {
          continue;
        }
        if (!ours && !full) {
          plan.runs = 1;
        }
        candidate.measure(plan, results);
      }
    }
  }
  if (!json.empty()) {
    results.Write(json);
  }
  return 0;
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) { return timerd::bench::Main(argc, argv); }
