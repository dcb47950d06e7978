// Heartbeats: how many extensions of watchdogs a real server takes in a second, and how few of them
// it writes to its log. Prints figures, asserts nothing.
//
//   extend_bench [watchdogs] [seconds]      10,000 and 10 if not said
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>

#include "tests/support/api_client.h"
#include "tests/support/http_get.h"
#include "tests/support/server_process.h"

namespace timerd::bench {
namespace {

using ::timerd::testing::ApiClient;
using ::timerd::testing::HttpGet;
using ::timerd::testing::ServerProcess;
using Clock = std::chrono::steady_clock;

constexpr int kBatch = 1000;
constexpr int kTimeoutSeconds = 30;
// Batches that are on their way at once.
constexpr int kUnderWay = 8;

std::string Id(int watchdog) { return "watchdog-" + std::to_string(watchdog); }

// The sum over all shards of a metric.
double Metric(const ServerProcess& server, const std::string& name) {
  std::istringstream text(HttpGet(server.http_address(), "/metrics").body);
  double sum = 0;
  for (std::string line; std::getline(text, line);) {
    if (line.rfind(name + "{", 0) == 0) {
      sum += std::atof(line.c_str() + line.rfind(' '));
    }
  }
  return sum;
}

void Make(ApiClient& client, int watchdogs) {
  for (int begin = 0; begin < watchdogs; begin += kBatch) {
    v1::BatchRequest batch;
    for (int i = begin; i < std::min(begin + kBatch, watchdogs); ++i) {
      v1::WithTimeoutRequest& request = *batch.add_items()->mutable_with_timeout();
      request.set_id(Id(i));
      request.mutable_timeout()->set_seconds(kTimeoutSeconds);
    }
    client.Batch(batch);
  }
}

// Extends the watchdogs in turn, over and over, for `seconds`; returns how many times.
uint64_t Extend(ApiClient& client, int watchdogs, int seconds) {
  grpc::ClientContext context;
  const auto stream = client.stub().Submit(&context);
  uint64_t answered = 0;
  std::thread reader([&] {
    for (v1::SubmitResponse response; stream->Read(&response);) {
      answered += static_cast<uint64_t>(response.results_size());
    }
  });
  const Clock::time_point end = Clock::now() + std::chrono::seconds(seconds);
  int next = 0;
  while (Clock::now() < end) {
    v1::SubmitRequest request;
    for (int i = 0; i < std::min(kBatch, watchdogs); ++i, next = (next + 1) % watchdogs) {
      v1::RescheduleRequest& extension = *request.add_items()->mutable_reschedule();
      extension.set_id(Id(next));
      extension.mutable_from_now()->set_seconds(kTimeoutSeconds);
    }
    stream->Write(request);
  }
  stream->WritesDone();
  reader.join();
  stream->Finish();
  return answered;
}

void Run(int watchdogs, int seconds) {
  ServerProcess server({.flags = {"--max-submit-batches=" + std::to_string(kUnderWay)}});
  ApiClient client(server.address(), std::chrono::minutes(5));
  Make(client, watchdogs);
  const double before = Metric(server, "timerd_log_operations_total");
  const Clock::time_point start = Clock::now();
  const uint64_t extensions = Extend(client, watchdogs, seconds);
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  const double operations = Metric(server, "timerd_log_operations_total") - before;
  const double quarters = std::ceil(took / (kTimeoutSeconds / 4.0));
  std::printf("extend.watchdogs                 %12d\n", watchdogs);
  std::printf("extend.per_s                     %12.0f /s\n",
              static_cast<double>(extensions) / took);
  std::printf("extend.extensions                %12.0f\n", static_cast<double>(extensions));
  std::printf("extend.log_operations            %12.0f\n", operations);
  std::printf("extend.log_operations_per_watchdog_and_quarter %5.2f\n",
              operations / watchdogs / quarters);
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  const int watchdogs = argc > 1 ? std::atoi(argv[1]) : 10'000;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 10;
  timerd::bench::Run(watchdogs, seconds);
}
