// Heartbeats: how many extensions of watchdogs a server takes in a second, and how few of them it
// writes to its log. 10,000 watchdogs of 30 s, extended in turn in batches of 1,000.
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "tests/bench/batches.h"
#include "tests/bench/program.h"
#include "tests/bench/submit_load.h"
#include "tests/bench/wire.h"
#include "tests/support/http_get.h"
#include "tests/support/server_process.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::bench {
namespace {

constexpr int kTimeoutSeconds = 30;

// The sum over all shards of a metric.
double Metric(const testing::ServerProcess& server, const std::string& name) {
  std::istringstream text(testing::HttpGet(server.http_address(), "/metrics").body);
  double sum = 0;
  for (std::string line; std::getline(text, line);) {
    if (line.rfind(name + "{", 0) == 0) {
      sum += std::atof(line.c_str() + line.rfind(' '));
    }
  }
  return sum;
}

// An item for each watchdog, as `fill(id, item)` makes it.
template <typename Fill>
std::vector<grpc::ByteBuffer> ForEach(size_t watchdogs, Fill fill) {
  std::vector<grpc::ByteBuffer> batches;
  for (size_t first = 0; first < watchdogs; first += kBatch) {
    v1::SubmitRequest batch;
    for (size_t i = first; i < first + kBatch && i < watchdogs; ++i) {
      fill("watchdog-" + std::to_string(i), *batch.add_items());
    }
    batches.push_back(ToBuffer(batch));
  }
  return batches;
}

void Measure(const Options& options, Results& results) {
  const size_t watchdogs = options.Number("watchdogs", 10'000);
  const auto seconds = static_cast<double>(options.Number("seconds", options.full() ? 20 : 5));
  testing::ServerProcess timerd({.flags = {"--durability=sync"}});
  // One stream, as one client would: a watchdog that is extended twice at the same instant, as two
  // streams would do, is written to the log.
  const SubmitLoad load{.target = timerd.address(), .streams = 1};
  const auto made = ForEach(watchdogs, [](const std::string& id, v1::BatchItem& item) {
    item.mutable_with_timeout()->set_id(id);
    item.mutable_with_timeout()->mutable_timeout()->set_seconds(kTimeoutSeconds);
  });
  const auto extended = ForEach(watchdogs, [](const std::string& id, v1::BatchItem& item) {
    item.mutable_reschedule()->set_id(id);
    item.mutable_reschedule()->mutable_from_now()->set_seconds(kTimeoutSeconds);
  });
  RunSubmit(load, Cycle(made, made.size()));
  const double before = Metric(timerd, "timerd_log_operations_total");
  const SubmitResult result = RunSubmit(load, CycleFor(extended, seconds));
  const double operations = Metric(timerd, "timerd_log_operations_total") - before;
  const double quarters = std::ceil(result.seconds / (kTimeoutSeconds / 4.0));
  results.Add("extend.watchdogs", static_cast<double>(watchdogs), "");
  results.Add("extend.per_s", result.per_s(), "/s");
  results.Add("extend.log_operations_per_watchdog_and_quarter",
              operations / static_cast<double>(watchdogs) / quarters, "");
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  return timerd::bench::RunProgram(argc, argv, timerd::bench::Measure);
}
