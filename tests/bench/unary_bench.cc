// Single Schedule calls beside what gRPC itself can do with calls of this size: 64 of them under
// way, detached timers with payloads of 64 bytes, each durable before it is answered.
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/call_load.h"
#include "tests/bench/child.h"
#include "tests/bench/program.h"
#include "tests/bench/wire.h"
#include "tests/support/server_process.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::bench {
namespace {

grpc::ByteBuffer Request() {
  v1::ScheduleRequest request;
  request.mutable_delay()->set_seconds(3600);
  request.set_payload(std::string(64, 'x'));
  request.set_detached(true);
  return ToBuffer(request);
}

void Measure(const Options& options, Results& results) {
  Child echo({TIMERD_ECHO_SERVER});
  testing::ServerProcess timerd({.flags = {"--durability=sync"}});
  CallLoad on_echo{.target = echo.ReadLine(),
                   .method = "/timerd.bench.Echo/Schedule",
                   .request = Request(),
                   .in_flight = options.Number("in-flight", 64),
                   .connections = options.Number("connections", 2)};
  CallLoad on_timerd = on_echo;
  on_timerd.target = timerd.address();
  on_timerd.method = "/timerd.v1.Timers/Schedule";

  const auto seconds = static_cast<double>(options.Number("seconds", options.full() ? 10 : 2));
  std::vector<double> echo_rates;
  std::vector<double> timerd_rates;
  std::vector<double> p50;
  std::vector<double> p99;
  for (int round = 0; round < 3; ++round) {
    echo_rates.push_back(RunCalls(on_echo, seconds).per_s);
    const CallResult scheduled = RunCalls(on_timerd, seconds);
    timerd_rates.push_back(scheduled.per_s);
    p50.push_back(scheduled.latencies_us[scheduled.latencies_us.size() / 2]);
    p99.push_back(scheduled.latencies_us[scheduled.latencies_us.size() * 99 / 100]);
  }
  results.Add("echo.unary_per_s", Median(echo_rates), "/s");
  results.Add("unary.schedule_per_s", Median(timerd_rates), "/s");
  results.Add("unary.ratio", Median(timerd_rates) / Median(echo_rates), "");
  results.Add("unary.p50_us", Median(p50), "us");
  results.Add("unary.p99_us", Median(p99), "us");
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  return timerd::bench::RunProgram(argc, argv, timerd::bench::Measure);
}
