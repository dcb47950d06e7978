// Many timers that are not due: what they cost in memory and on disk, how fast they are scheduled
// on the way, what an idle server does with them, and how long it takes to start again.
//
//   --timers=N             how many; as many as there is time for, up to N
//   --seconds=N            time to schedule them
//   --from-s=N --to-s=N    when they are due; in 1 to 24 hours if not said
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/batches.h"
#include "tests/bench/process_stats.h"
#include "tests/bench/program.h"
#include "tests/bench/submit_load.h"
#include "tests/support/server_process.h"

namespace timerd::bench {
namespace {

// 100,000, 200,000, 500,000, 1,000,000 and so on, as far as `timers`, which is the last one.
std::vector<size_t> Points(size_t timers) {
  std::vector<size_t> points;
  for (size_t decade = 100'000; decade < timers; decade *= 10) {
    for (const size_t factor : {1, 2, 5}) {
      if (factor * decade < timers) {
        points.push_back(factor * decade);
      }
    }
  }
  points.push_back(timers);
  return points;
}

// Per cent of a core, of a server that nothing is asked of.
double IdleCpu(pid_t server, int seconds) {
  // What the load left behind is over first: changes that wait up to five seconds to be applied,
  // flushes and compactions.
  double before = CpuSeconds(server);
  for (int second = 0; second < 60; ++second) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const double now = CpuSeconds(server);
    if (second >= 6 && now - before < 0.02) {
      break;
    }
    before = now;
  }
  before = CpuSeconds(server);
  const auto start = Clock::now();
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  return 100 * (CpuSeconds(server) - before) / SecondsSince(start);
}

size_t Load(const Options& options, const testing::ServerProcess& timerd, Results& results) {
  const size_t most = options.Number("timers", options.full() ? 100'000'000 : 5'000'000);
  const auto limit_s = static_cast<double>(options.Number("seconds", options.full() ? 7200 : 25));
  const auto batches = TimerBatches(static_cast<double>(options.Number("from-s", 3600)),
                                    static_cast<double>(options.Number("to-s", 86'400)), 64);
  const SubmitLoad load{.target = timerd.address()};
  size_t timers = 0;
  double seconds = 0;
  const Clock::time_point start = Clock::now();
  for (const size_t point : Points(most)) {
    const size_t wanted = (point - timers) / kBatch;
    size_t sent = 0;
    const SubmitResult result = RunSubmit(load, [&]() -> std::optional<grpc::ByteBuffer> {
      if (sent == wanted || SecondsSince(start) >= limit_s) {
        return std::nullopt;
      }
      return batches[sent++ % batches.size()];
    });
    timers += result.done;
    seconds += result.seconds;
    if (sent * 10 >= wanted) {
      const std::string prefix = "pending." + std::to_string(timers);
      results.Add(prefix + ".schedule_per_s", result.per_s(), "/s");
      results.Add(prefix + ".rss_mib", RssMib(timerd.pid()), "MiB");
    }
    if (sent < wanted) {
      break;
    }
  }
  results.Add("big.timers", static_cast<double>(timers), "");
  results.Add("big.schedule_per_s", static_cast<double>(timers) / seconds, "/s");
  return timers;
}

void Measure(const Options& options, Results& results) {
  testing::ServerProcess timerd({.flags = {"--durability=sync", "--max-handles=1000000000"}});
  results.Add("empty.rss_mib", RssMib(timerd.pid()), "MiB");
  const size_t timers = Load(options, timerd, results);
  results.Add("big.rss_mib", RssMib(timerd.pid()), "MiB");
  results.Add("idle.timers", static_cast<double>(timers), "");
  results.Add("idle.cpu_percent", IdleCpu(timerd.pid(), options.full() ? 60 : 10), "% of a core");
  results.Add("big.disk_bytes_per_timer",
              static_cast<double>(DiskBytes(timerd.data_dir())) / static_cast<double>(timers), "");
  timerd.Kill();
  const Clock::time_point start = Clock::now();
  timerd.Restart();
  results.Add("big.restart_s", SecondsSince(start), "s");
  std::this_thread::sleep_for(std::chrono::seconds(3));
  results.Add("big.rss_after_restart_mib", RssMib(timerd.pid()), "MiB");
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  return timerd::bench::RunProgram(argc, argv, timerd::bench::Measure);
}
