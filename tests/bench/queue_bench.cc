// Queues: what a consumer that stops reading costs the server and the other queues, and how fast a
// backlog is delivered, settled and made durable. Prints figures, asserts nothing.
//
//   queue_bench [backlog] [seconds]      1,000,000 and 5 if not said
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "tests/bench/process_stats.h"
#include "tests/bench/queue_load.h"
#include "tests/support/server_process.h"
#include "tests/support/work_call.h"

namespace timerd::bench {
namespace {

using ::timerd::testing::ApiClient;
using ::timerd::testing::ServerProcess;
using ::timerd::testing::WorkCall;
using Clock = std::chrono::steady_clock;

int Main(int argc, char** argv) {
  const int backlog = argc > 1 ? std::atoi(argv[1]) : 1'000'000;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 5;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  ServerProcess server({.flags = {"--durability=sync"}});
  ApiClient client(server.address(), std::chrono::minutes(2));
  int made = 0;
  auto quick = std::make_unique<Taker>(client, "quick", 1000);
  Quick(client, *quick, made, seconds, "alone:");

  const auto begin = Clock::now();
  ScheduleMany(client, "slow", 0, backlog, 0, 0);
  std::printf("%d timers for the slow queue in %.1f s; RSS %.0f MiB\n", backlog,
              std::chrono::duration<double>(Clock::now() - begin).count(), RssMib(server.pid()));
  while (client.GetQueue("queue: 'slow'")->queue().depth() < static_cast<uint64_t>(backlog)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  Quick(client, *quick, made, seconds, "beside a backlog:");
  const double before = RssMib(server.pid());
  {
    // Neither reads anything: a worker with all the credit there is, and a feed from the oldest on.
    WorkCall stalled(client.queues_stub(), "slow", 10'000);
    stalled.Stall();
    auto feed = client.Watch("everything: true from_oldest: true");
    Quick(client, *quick, made, 2, "while two readers stall:");
    Quick(client, *quick, made, seconds, "beside two stalled readers:");
    std::printf("RSS %.0f MiB before the stalled readers, %.0f MiB with them\n", before,
                RssMib(server.pid()));
    feed.Detach();
  }
  std::vector<std::unique_ptr<Taker>> takers;
  const auto drain = Clock::now();
  for (int i = 0; i < 2; ++i) {
    takers.push_back(std::make_unique<Taker>(client, "slow", 5'000));
  }
  const auto settled = [&takers] { return takers[0]->settled() + takers[1]->settled(); };
  // What the stalled worker had comes back after a lapse: the rate is that of the others.
  while (settled() < static_cast<uint64_t>(backlog) * 9 / 10) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const double taken = std::chrono::duration<double>(Clock::now() - drain).count();
  std::printf("drained %.0f occurrences/s: delivered, settled and durable\n",
              static_cast<double>(settled()) / taken);
  return 0;
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) { return timerd::bench::Main(argc, argv); }
