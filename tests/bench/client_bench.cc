// What the plain calls of the C++ client cost: one thread that schedules timers as fast as it can,
// on a service that does nothing but answer and on a real server.
#include <algorithm>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "grpcpp/server_builder.h"
#include "tests/bench/program.h"
#include "tests/support/server_process.h"
#include "timerd/client.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd::bench {
namespace {

using SubmitReactor = grpc::ServerBidiReactor<v1::SubmitRequest, v1::SubmitResponse>;

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

// Makes `calls` calls, at most `window` of them unanswered at a time; returns calls per second.
double Rate(Client& client, size_t calls, size_t window) {
  std::deque<Future<absl::StatusOr<Scheduled>>> unanswered;
  ScheduleOptions options;
  options.payload = std::string(64, 'x');
  const auto take_one = [&] {
    const absl::StatusOr<Scheduled> scheduled = unanswered.front().Get();
    if (!scheduled.ok()) {
      throw std::runtime_error(std::string(scheduled.status().message()));
    }
    unanswered.pop_front();
  };
  const Clock::time_point start = Clock::now();
  for (size_t i = 0; i < calls; ++i) {
    unanswered.push_back(client.Schedule(absl::Hours(1), options));
    if (unanswered.size() >= window) {
      take_one();
    }
  }
  while (!unanswered.empty()) {
    take_one();
  }
  return static_cast<double>(calls) / SecondsSince(start);
}

// Of a call that waits for its answer before the next is made.
double MedianLatencyUs(Client& client, size_t calls) {
  std::vector<double> latencies_us;
  for (size_t i = 0; i < calls; ++i) {
    const Clock::time_point call = Clock::now();
    client.Schedule(absl::Hours(1)).Wait(absl::InfiniteDuration());
    latencies_us.push_back(SecondsSince(call) * 1e6);
  }
  return Median(latencies_us);
}

void Measure(const Options& options, Results& results) {
  const size_t calls = options.Number("calls", options.full() ? 1'000'000 : 200'000);
  const size_t window = options.Number("window", 50'000);
  AnsweringService service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> answering = builder.BuildAndStart();
  {
    Client client({.target = "127.0.0.1:" + std::to_string(port)});
    Rate(client, calls / 10, window);  // not counted
    results.Add("client.answering_per_s", Rate(client, calls, window), "/s");
  }
  answering->Shutdown();
  const testing::ServerProcess timerd({.flags = {"--durability=sync"}});
  Client client({.target = timerd.address()});
  results.Add("client.alone_p50_us", MedianLatencyUs(client, 500), "us");
  results.Add("client.schedule_per_s", Rate(client, calls, window), "/s");
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  return timerd::bench::RunProgram(argc, argv, timerd::bench::Measure);
}
