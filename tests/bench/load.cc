#include "tests/bench/load.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <random>
#include <thread>

namespace timerd::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Connections are kept to the end: when the last channel of a process goes, gRPC 1.51 takes down
// the completion queue behind its callback API, and now and then frees it twice (ASan: double-free
// in grpc_cq_internal_unref), which ends this program in the middle of a later figure.
std::vector<std::unique_ptr<v1::Timers::Stub>> Connect(const std::string& target, size_t channels) {
  static auto* const kept = new std::vector<std::shared_ptr<grpc::Channel>>;
  std::vector<std::unique_ptr<v1::Timers::Stub>> stubs;
  for (size_t i = 0; i < channels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("timerd.bench.channel", static_cast<int>(i));  // a connection each
    kept->push_back(
        grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));
    stubs.push_back(v1::Timers::NewStub(kept->back()));
  }
  return stubs;
}

void SetDelay(double seconds, v1::ScheduleRequest* request) {
  const auto ns = static_cast<int64_t>(seconds * 1e9);
  request->mutable_delay()->set_seconds(ns / 1'000'000'000);
  request->mutable_delay()->set_nanos(static_cast<int32_t>(ns % 1'000'000'000));
}

int64_t Nanos(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1'000'000'000 + time.nanos();
}

// Counts what is under way, for one thread that waits.
class InFlight {
 public:
  void Begin(size_t limit) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return count_ < limit; });
    ++count_;
  }
  void End() {
    const std::lock_guard<std::mutex> lock(mutex_);
    --count_;
    changed_.notify_one();  // under the lock: the one that waits may destroy this next
  }
  // False when some are still under way at `until`.
  bool WaitForAll(Clock::time_point until) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_until(lock, until, [&] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t count_ = 0;
};

// One Schedule call; deletes itself when it is over.
class Call : public grpc::ClientReadReactor<v1::ScheduleResponse> {
 public:
  using OnResponse = std::function<void(const v1::ScheduleResponse&)>;
  Call(v1::Timers::Stub& stub, v1::ScheduleRequest request, OnResponse on_response,
       std::function<void(const grpc::Status&)> on_done)
      : request_(std::move(request)),
        on_response_(std::move(on_response)),
        on_done_(std::move(on_done)) {
    stub.async()->Schedule(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (ok) {
      on_response_(response_);
      StartRead(&response_);
    }
  }
  void OnDone(const grpc::Status& status) override {
    on_done_(status);
    delete this;
  }

 private:
  grpc::ClientContext context_;
  const v1::ScheduleRequest request_;
  v1::ScheduleResponse response_;
  const OnResponse on_response_;
  const std::function<void(const grpc::Status&)> on_done_;
};

}  // namespace

double Samples::Percentile(double fraction) {
  if (values_.empty()) {
    return 0;
  }
  std::sort(values_.begin(), values_.end());
  const auto index = static_cast<size_t>(fraction * static_cast<double>(values_.size() - 1));
  return values_[index];
}

FillResult Fill(const std::string& target, size_t count, double from_s, double to_s,
                size_t payload_bytes, size_t in_flight, size_t channels) {
  const auto stubs = Connect(target, channels);
  const std::string payload(payload_bytes, 'x');
  InFlight running;
  std::atomic<size_t> failed{0};
  const Clock::time_point start = Clock::now();
  for (size_t i = 0; i < count; ++i) {
    v1::ScheduleRequest request;
    SetDelay(from_s + (to_s - from_s) * static_cast<double>(i) / static_cast<double>(count),
             &request);
    request.set_payload(payload);
    request.set_detached(true);
    running.Begin(in_flight);
    new Call(
        *stubs[i % stubs.size()], std::move(request), [](const v1::ScheduleResponse&) {},
        [&](const grpc::Status& status) {
          failed += !status.ok();
          running.End();
        });
  }
  running.WaitForAll(Clock::time_point::max());
  return {std::chrono::duration<double>(Clock::now() - start).count(), failed};
}

LatenessResult MeasureLateness(const std::string& target, size_t per_second, double seconds) {
  // Shared with the calls, of which some may outlive this function.
  struct Shared {
    std::mutex mutex;
    LatenessResult result;
    InFlight running;
  };
  const auto shared = std::make_shared<Shared>();
  const auto stubs = Connect(target, 4);
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> delay(0.5, 2.5);
  const auto on_response = [shared](const v1::ScheduleResponse& response) {
    if (!response.has_event()) {
      return;
    }
    const int64_t arrived = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                std::chrono::system_clock::now().time_since_epoch())
                                .count();
    const int64_t deadline = Nanos(response.event().deadline());
    const int64_t decided = Nanos(response.event().time());
    const std::lock_guard<std::mutex> lock(shared->mutex);
    shared->result.decided.Add(static_cast<double>(decided - deadline) / 1e3);
    shared->result.delivered.Add(static_cast<double>(arrived - deadline) / 1e3);
    shared->result.early += decided < deadline;
  };
  const auto on_done = [shared](const grpc::Status& status) {
    if (!status.ok()) {
      const std::lock_guard<std::mutex> lock(shared->mutex);
      shared->result.error = status.error_message();
      ++shared->result.failed;
    }
    shared->running.End();
  };
  const Clock::time_point start = Clock::now();
  const auto count = static_cast<size_t>(static_cast<double>(per_second) * seconds);
  for (size_t i = 0; i < count; ++i) {
    std::this_thread::sleep_until(start + std::chrono::nanoseconds(1'000'000'000 * i / per_second));
    v1::ScheduleRequest request;
    SetDelay(delay(random), &request);
    shared->running.Begin(count + 1);
    new Call(*stubs[i % stubs.size()], std::move(request), on_response, on_done);
  }
  shared->running.WaitForAll(Clock::now() + std::chrono::seconds(12));
  const std::lock_guard<std::mutex> lock(shared->mutex);
  shared->result.lost = count - shared->result.decided.size();
  return shared->result;
}

}  // namespace timerd::bench
