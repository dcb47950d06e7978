// What a second shard brings. The load shares the cores with the server, so the rate that comes out
// is one of both. What the server could do alone follows from what it used: if its threads had the
// CPU time of all cores, and its busiest thread that of one, the rate would be that times higher.
#include <unistd.h>

#include <algorithm>
#include <map>
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

struct Rates {
  double seen = 0;
  double alone = 0;
};

class Server {
 public:
  explicit Server(int shards)
      : process_({.flags = {"--durability=sync", "--max-handles=1000000000",
                            "--shards=" + std::to_string(shards)}}) {}

  Rates Run(const std::vector<grpc::ByteBuffer>& batches, double seconds) {
    const std::map<pid_t, double> before = CpuSecondsOfThreads(process_.pid());
    const double all_before = CpuSeconds(process_.pid());
    const SubmitResult result =
        RunSubmit({.target = process_.address()}, CycleFor(batches, seconds));
    double busiest = 0;
    for (const auto& [thread, used] : CpuSecondsOfThreads(process_.pid())) {
      const auto earlier = before.find(thread);
      busiest = std::max(busiest, used - (earlier == before.end() ? 0 : earlier->second));
    }
    const double cores = std::thread::hardware_concurrency();
    const double all = CpuSeconds(process_.pid()) - all_before;
    // The part of what it could have had that it had.
    const double had = std::max(all / cores, busiest) / result.seconds;
    return {.seen = result.per_s(), .alone = result.per_s() / std::min(1.0, had)};
  }

 private:
  testing::ServerProcess process_;
};

void Measure(const Options& options, Results& results) {
  const auto seconds = static_cast<double>(options.Number("seconds", options.full() ? 10 : 2));
  const auto batches = TimerBatches(3600, 86'400);
  Server one(1);
  Server two(2);
  std::map<std::string, std::vector<double>> rates;
  for (int round = 0; round < 3; ++round) {
    const Rates of_one = one.Run(batches, seconds);
    const Rates of_two = two.Run(batches, seconds);
    rates["seen_1"].push_back(of_one.seen);
    rates["seen_2"].push_back(of_two.seen);
    rates["alone_1"].push_back(of_one.alone);
    rates["alone_2"].push_back(of_two.alone);
  }
  for (const auto& [name, values] : rates) {
    results.Add("shards." + name + "_per_s", Median(values), "/s");
  }
  results.Add("shards.speedup_seen", Median(rates["seen_2"]) / Median(rates["seen_1"]), "");
  results.Add("shards.speedup_2_over_1", Median(rates["alone_2"]) / Median(rates["alone_1"]), "");
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  return timerd::bench::RunProgram(argc, argv, timerd::bench::Measure);
}
