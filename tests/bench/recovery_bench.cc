// A restart with much overdue: whether new timers are on time meanwhile, how long it takes until
// all that is overdue is in its queue, and how fast workers then have it. Prints figures, asserts
// nothing.
//
//   recovery_bench [overdue] [seconds]      1,000,000 and 10 if not said
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "server/base/check.h"
#include "tests/bench/process_stats.h"
#include "tests/bench/queue_load.h"
#include "tests/support/server_process.h"

namespace timerd::bench {
namespace {

using ::timerd::testing::ApiClient;
using ::timerd::testing::ServerProcess;
using Clock = std::chrono::steady_clock;

constexpr int64_t kSecond = 1'000'000'000;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

int Main(int argc, char** argv) {
  const int overdue = argc > 1 ? std::atoi(argv[1]) : 1'000'000;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 10;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  ServerProcess server({.flags = {"--durability=sync", "--max-handles=100000000"}});
  int made = 0;
  auto begin = Clock::now();
  {
    ApiClient client(server.address(), std::chrono::minutes(2));
    auto quick = std::make_unique<Taker>(client, "quick", 1000);
    Quick(client, *quick, made, seconds, "before the outage:");
    // Due when the server is down, in another order than they were made; none before, none after:
    // a part takes a few seconds to be made, and its timers are due within five more.
    begin = Clock::now();
    const int64_t delay = std::max<int64_t>(10, overdue / 40'000) * kSecond;
    constexpr int kPart = 100'000;
    for (int i = 0; i < overdue; i += kPart) {
      const auto gone = std::chrono::nanoseconds(Clock::now() - begin).count();
      ScheduleMany(client, "slow", i, std::min(kPart, overdue - i),
                   std::max<int64_t>(0, delay - gone), 5 * kSecond);
    }
    std::printf("%d timers scheduled in %.1f s; RSS %.0f MiB\n", overdue, SecondsSince(begin),
                RssMib(server.pid()));
    server.Kill();
    while (SecondsSince(begin) < static_cast<double>(delay / kSecond) + 12) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  begin = Clock::now();
  server.Restart();
  ApiClient client(server.address(), std::chrono::minutes(2));
  std::printf("ready after %.2f s\n", SecondsSince(begin));
  auto quick = std::make_unique<Taker>(client, "quick", 1000);
  Quick(client, *quick, made, seconds, "after the outage:");
  for (uint64_t depth = 0; depth < static_cast<uint64_t>(overdue);) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const auto reply = client.GetQueue("queue: 'slow'");
    TIMERD_CHECK(reply.status.ok());
    depth = reply->queue().depth();
  }
  std::printf("all that was overdue is in its queue %.1f s after the restart; RSS %.0f MiB\n",
              SecondsSince(begin), RssMib(server.pid()));
  Quick(client, *quick, made, seconds, "beside what waits:");
  begin = Clock::now();
  Taker first(client, "slow", 5'000);
  Taker second(client, "slow", 5'000);
  Quick(client, *quick, made, seconds, "while that is worked off:");
  const auto settled = first.settled() + second.settled();
  std::printf("worked off %.0f occurrences/s: delivered, settled and durable\n",
              static_cast<double>(settled) / SecondsSince(begin));
  return 0;
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) { return timerd::bench::Main(argc, argv); }
