// Many timers due in the same millisecond, for a worker of a queue: how long until the last one is
// settled, and how long other calls take meanwhile.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/batches.h"
#include "tests/bench/connect.h"
#include "tests/bench/program.h"
#include "tests/bench/submit_load.h"
#include "tests/bench/worker.h"
#include "tests/support/server_process.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd::bench {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

// Schedules a timer and reads it, in turn, until `over`: a call every 5 ms. A call that has to wait
// for the one before is measured from when it should have begun.
std::vector<double> CallUntil(const std::string& target, const std::atomic<bool>& over) {
  const auto stub = v1::Timers::NewStub(Connect(target));
  std::vector<double> latencies_us;
  auto begin = Clock::now();
  for (std::string id; !over; begin += std::chrono::milliseconds(5)) {
    std::this_thread::sleep_until(begin);
    grpc::ClientContext context;
    grpc::Status status;
    if (id.empty()) {
      v1::ScheduleRequest request;
      request.mutable_delay()->set_seconds(3600);
      request.set_detached(true);
      v1::ScheduleResponse response;
      const auto reader = stub->Schedule(&context, request);
      reader->Read(&response);
      status = reader->Finish();
      id = response.acknowledged().id();
    } else {
      v1::GetRequest request;
      request.set_id(id);
      v1::GetResponse response;
      status = stub->Get(&context, request, &response);
      id.clear();
    }
    if (!status.ok()) {
      throw std::runtime_error("a call meanwhile: " + status.error_message());
    }
    latencies_us.push_back(SecondsSince(begin) * 1e6);
  }
  std::sort(latencies_us.begin(), latencies_us.end());
  return latencies_us;
}

void Measure(const Options& options, Results& results) {
  const size_t timers = options.Number("timers", options.full() ? 1'000'000 : 200'000);
  testing::ServerProcess timerd({.flags = {"--durability=sync"}});
  const auto lead_s = static_cast<int64_t>(timers / options.Number("fill-per-s", 15'000) + 2);
  const int64_t due = UnixNanos() + lead_s * kSecond;
  const auto batches = QueueBatches("work", timers, due, 0);
  RunSubmit({.target = timerd.address()}, Cycle(batches, batches.size()));
  if (UnixNanos() > due) {
    throw std::runtime_error("scheduled too slowly: they were due before the last was made");
  }
  Worker worker(timerd.address(), "work");
  std::this_thread::sleep_for(std::chrono::nanoseconds(due - UnixNanos()));
  std::atomic<bool> over{false};
  std::vector<double> latencies_us;
  std::string problem;
  std::thread caller([&] {
    try {
      latencies_us = CallUntil(timerd.address(), over);
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
