#include "tests/bench/call_load.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>

#include "tests/bench/connect.h"
#include "tests/bench/program.h"

namespace timerd::bench {
namespace {

constexpr double kWarmUp = 0.5;

// One of those under way.
class Caller {
 public:
  Caller(const CallLoad& load, std::shared_ptr<grpc::Channel> channel, grpc::CompletionQueue& queue)
      : load_(load), stub_(std::move(channel)), queue_(queue) {}

  // Its completion has this object as its tag.
  void Begin() {
    began_ = Clock::now();
    call_.reset();  // before the context that it is made in
    context_.emplace();
    call_ = stub_.PrepareUnaryCall(&*context_, load_.method, load_.request, &queue_);
    call_->StartCall();
    call_->Finish(&response_, &status_, this);
  }
  // Microseconds.
  double Took() const {
    if (!status_.ok()) {
      throw std::runtime_error(load_.method + ": " + status_.error_message());
    }
    return SecondsSince(began_) * 1e6;
  }

 private:
  const CallLoad& load_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue& queue_;
  Clock::time_point began_;
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> call_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
};

}  // namespace

CallResult RunCalls(const CallLoad& load, double seconds) {
  grpc::CompletionQueue queue;
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (size_t i = 0; i < load.connections; ++i) {
    channels.push_back(Connect(load.target));
  }
  std::vector<std::unique_ptr<Caller>> callers;
  const Clock::time_point start = Clock::now();
  for (size_t i = 0; i < load.in_flight; ++i) {
    callers.push_back(std::make_unique<Caller>(load, channels[i % channels.size()], queue));
    callers.back()->Begin();
  }
  CallResult result;
  size_t under_way = load.in_flight;
  void* tag = nullptr;
  for (bool ok = false; under_way > 0 && queue.Next(&tag, &ok);) {
    auto* const caller = static_cast<Caller*>(tag);
    const double now = SecondsSince(start);
    if (now >= kWarmUp && now < kWarmUp + seconds) {
      result.latencies_us.push_back(caller->Took());
    }
    if (now < kWarmUp + seconds) {
      caller->Begin();
    } else {
      --under_way;
    }
  }
  result.per_s = static_cast<double>(result.latencies_us.size()) / seconds;
  std::sort(result.latencies_us.begin(), result.latencies_us.end());
  return result;
}

std::vector<double> RunPaced(const std::vector<CallLoad>& loads, std::chrono::milliseconds every,
                             const std::atomic<bool>& over) {
  grpc::CompletionQueue queue;
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  channels.reserve(loads.size());
  for (const CallLoad& load : loads) {
    channels.push_back(Connect(load.target));
  }
  std::vector<std::unique_ptr<Caller>> callers;
  std::vector<double> latencies_us;
  auto next = std::chrono::system_clock::now();
  while (!over || latencies_us.size() < callers.size()) {
    if (!over && std::chrono::system_clock::now() >= next) {
      const size_t turn = callers.size() % loads.size();
      callers.push_back(std::make_unique<Caller>(loads[turn], channels[turn], queue));
      callers.back()->Begin();
      next += every;
    }
    void* tag = nullptr;
    bool ok = false;
    const auto until = over ? std::chrono::system_clock::now() + every : next;
    if (queue.AsyncNext(&tag, &ok, until) == grpc::CompletionQueue::GOT_EVENT) {
      latencies_us.push_back(static_cast<Caller*>(tag)->Took());
    }
  }
  std::sort(latencies_us.begin(), latencies_us.end());
  return latencies_us;
}

}  // namespace timerd::bench
