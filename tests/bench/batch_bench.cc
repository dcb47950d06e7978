// Timers in batches of 1,000 over Submit, beside Redis with a sorted set: commands in batches of
// 1,000, both with 64 bytes a timer and all on disk before it is answered.
#include <cstdio>
#include <vector>

#include "tests/bench/batches.h"
#include "tests/bench/program.h"
#include "tests/bench/redis_load.h"
#include "tests/bench/submit_load.h"
#include "tests/support/server_process.h"

namespace timerd::bench {
namespace {

void Measure(const Options& options, Results& results) {
  testing::ServerProcess timerd({.flags = {"--durability=sync", "--max-handles=1000000000"}});
  const std::unique_ptr<RedisProcess> redis = RedisProcess::Start();
  const SubmitLoad load{.target = timerd.address(),
                        .streams = options.Number("streams", 2),
                        .in_flight = options.Number("in-flight", 8)};
  const auto seconds = static_cast<double>(options.Number("seconds", options.full() ? 10 : 2));
  const size_t connections = options.Number("redis-connections", 16);
  const std::vector<grpc::ByteBuffer> batches = TimerBatches(3600, 86'400);

  std::vector<double> timerd_rates;
  std::vector<double> zadd_rates;
  std::vector<double> zpopmin_rates;
  RunSubmit(load, CycleFor(batches, 0.5));  // not counted
  for (int round = 0; round < 3; ++round) {
    timerd_rates.push_back(RunSubmit(load, CycleFor(batches, seconds)).per_s());
    if (redis != nullptr) {
      zadd_rates.push_back(RunRedis(*redis, RedisCommand::kZadd, connections, seconds));
      zpopmin_rates.push_back(RunRedis(*redis, RedisCommand::kZpopmin, connections, seconds));
    }
  }
  results.Add("batch.schedule_per_s", Median(timerd_rates), "/s");
  if (redis == nullptr) {
    std::printf("no redis-server: redis.* and batch.ratio_to_redis are left out\n");
    return;
  }
  results.Add("redis.zadd_per_s", Median(zadd_rates), "/s");
  results.Add("redis.zpopmin_per_s", Median(zpopmin_rates), "/s");
  results.Add("batch.ratio_to_redis", Median(timerd_rates) / Median(zadd_rates), "");
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  return timerd::bench::RunProgram(argc, argv, timerd::bench::Measure);
}
