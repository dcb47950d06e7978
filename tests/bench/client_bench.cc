// What the plain calls of the C++ client cost: one thread that schedules timers as fast as it can,
// on a service that does nothing but answer and on real servers, all on this machine. Prints
// figures, asserts nothing.
//
//   client_bench [calls]      how many calls to make in a run; 200,000 if not said
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>

#include "grpcpp/server_builder.h"
#include "tests/bench/load.h"
#include "tests/support/server_process.h"
#include "timerd/client.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd::bench {
namespace {

using Clock = std::chrono::steady_clock;
using SubmitReactor = grpc::ServerBidiReactor<v1::SubmitRequest, v1::SubmitResponse>;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Answers every item at once.
class AnsweringStream final : public SubmitReactor {
 public:
  AnsweringStream() { StartRead(&request_); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::OK);
      return;
    }
    response_.Clear();
    response_.set_tag(request_.tag());
    for (const v1::BatchItem& item : request_.items()) {
      v1::Acknowledgement& acknowledged = *response_.add_results()->mutable_acknowledged();
      acknowledged.set_id(item.schedule().id());
      acknowledged.mutable_now()->set_seconds(1000);
      acknowledged.mutable_deadline()->set_seconds(1005);
    }
    StartWrite(&response_);
  }
  void OnWriteDone(bool) override { StartRead(&request_); }
  void OnDone() override { delete this; }

  v1::SubmitRequest request_;
  v1::SubmitResponse response_;
};

class AnsweringService final : public v1::Timers::WithCallbackMethod_Submit<v1::Timers::Service> {
  SubmitReactor* Submit(grpc::CallbackServerContext*) override { return new AnsweringStream; }
};

// Makes `calls` calls, at most `window` of them unanswered at a time.
void Measure(const std::string& name, Client& client, size_t calls, size_t window) {
  std::deque<Future<absl::StatusOr<Scheduled>>> unanswered;
  Samples latencies;
  size_t failed = 0;
  const auto take_one = [&] {
    failed += unanswered.front().Get().ok() ? 0 : 1;
    unanswered.pop_front();
  };
  const Clock::time_point start = Clock::now();
  for (size_t i = 0; i < calls; ++i) {
    const Clock::time_point call = Clock::now();
    unanswered.push_back(client.Schedule(absl::Hours(1)));
    while (unanswered.size() >= window) {
      take_one();
    }
    if (window == 1) {
      latencies.Add(SecondsSince(call) * 1e6);
    }
  }
  while (!unanswered.empty()) {
    take_one();
  }
  const double seconds = SecondsSince(start);
  std::printf("%-32s %6zu unanswered %12.0f calls/s", name.c_str(), window,
              static_cast<double>(calls) / seconds);
  if (window == 1) {
    std::printf("   p50 %.0f us  p99 %.0f us", latencies.Percentile(0.5),
                latencies.Percentile(0.99));
  }
  std::printf(failed == 0 ? "\n" : "   %zu FAILED\n", failed);
  std::fflush(stdout);
}

void MeasureAll(const std::string& name, const std::string& target, size_t calls) {
  Client client({.target = target});
  client.Schedule(absl::Hours(1)).Wait(absl::InfiniteDuration());  // connected
  Measure(name, client, calls / 100, 1);
  Measure(name, client, calls / 10, 64);
  Measure(name, client, calls, 50'000);
}

void OnAnAnsweringService(size_t calls) {
  AnsweringService service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  MeasureAll("a service that only answers", "127.0.0.1:" + std::to_string(port), calls);
  server->Shutdown();
}

void OnAServer(const std::string& durability, size_t calls) {
  testing::ServerProcess::Options options;
  options.flags = {"--durability=" + durability};
  const testing::ServerProcess server(options);
  MeasureAll("timerd --durability=" + durability, server.address(), calls);
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  const size_t calls = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200'000;
  timerd::bench::OnAnAnsweringService(calls);
  for (const char* durability : {"none", "os", "sync"}) {
    timerd::bench::OnAServer(durability, calls);
  }
}
