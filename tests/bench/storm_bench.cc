// Many timers due in the same millisecond, for a worker of a queue: how long until the last one is
// settled, and how long other calls take meanwhile.
#include <atomic>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/batches.h"
#include "tests/bench/call_load.h"
#include "tests/bench/program.h"
#include "tests/bench/submit_load.h"
#include "tests/bench/wire.h"
#include "tests/bench/worker.h"
#include "tests/support/server_process.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::bench {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

// To schedule a timer, and to read one.
std::vector<CallLoad> OtherCalls(const std::string& target) {
  v1::ScheduleRequest schedule;
  schedule.mutable_delay()->set_seconds(3600);
  schedule.set_detached(true);
  v1::GetRequest get;
  get.set_id("read");
  return {{.target = target, .method = "/timerd.v1.Timers/Schedule", .request = ToBuffer(schedule)},
          {.target = target, .method = "/timerd.v1.Timers/Get", .request = ToBuffer(get)}};
}

// Makes the timer that is read.
void MakeRead(const std::string& target) {
  v1::SubmitRequest batch;
  batch.add_items()->mutable_schedule()->set_id("read");
  batch.mutable_items(0)->mutable_schedule()->mutable_delay()->set_seconds(3600);
  const std::vector<grpc::ByteBuffer> one = {ToBuffer(batch)};
  RunSubmit({.target = target, .streams = 1}, Cycle(one, 1));
}

void Measure(const Options& options, Results& results) {
  const size_t timers = options.Number("timers", options.full() ? 1'000'000 : 200'000);
  testing::ServerProcess timerd({.flags = {"--durability=sync"}});
  const auto lead_s = static_cast<int64_t>(timers / options.Number("fill-per-s", 25'000) + 2);
  const int64_t due = UnixNanos() + lead_s * kSecond;
  const auto batches = QueueBatches("work", timers, due, 0);
  RunSubmit({.target = timerd.address()}, Cycle(batches, batches.size()));
  if (UnixNanos() > due) {
    throw std::runtime_error("scheduled too slowly: they were due before the last was made");
  }
  MakeRead(timerd.address());
  Worker worker(timerd.address(), "work");
  std::this_thread::sleep_for(std::chrono::nanoseconds(due - UnixNanos()));
  std::atomic<bool> over{false};
  std::vector<double> latencies_us;
  std::string problem;
  std::thread caller([&] {
    try {
      latencies_us = RunPaced(OtherCalls(timerd.address()), std::chrono::milliseconds(5), over);
    } catch (const std::exception& e) {
      problem = e.what();
    }
  });
  const uint64_t settled = worker.WaitUntilSettled(timers, 300);
  const double drain_s = static_cast<double>(UnixNanos() - due) / kSecond;
  over = true;
  caller.join();
  if (settled < timers) {
    throw std::runtime_error("not all are settled after five minutes");
  }
  results.Add("storm.timers", static_cast<double>(timers), "");
  results.Add("storm.drain_s", drain_s, "s");
  if (!problem.empty() || latencies_us.empty()) {
    throw std::runtime_error(problem + ": no latencies of calls");
  }
  results.Add("storm.rpc_p50_us", latencies_us[latencies_us.size() / 2], "us");
  results.Add("storm.rpc_p99_us", latencies_us[latencies_us.size() * 99 / 100], "us");
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  return timerd::bench::RunProgram(argc, argv, timerd::bench::Measure);
}
