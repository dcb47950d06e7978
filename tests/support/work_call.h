// A Work call as tests make it: messages written as they like, answers taken one at a time.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "timerd/v1/queues.grpc.pb.h"

namespace timerd::testing {

// Thread-safe. Reads on a thread of its own, so that waiting can have a limit.
class WorkCall {
 public:
  // Registers for `queue` unless `credit` is 0: then nothing is sent yet.
  WorkCall(v1::Queues::Stub& stub, const std::string& queue, uint32_t credit,
           const std::string& worker = "test");
  // Breaks the call off.
  ~WorkCall();

  void Send(const v1::WorkRequest& request);
  void Send(const std::string& text);
  void Settle(const v1::Settlement& settlement);
  void Succeed(const v1::Occurrence& occurrence, const std::string& result = "");
  void Fail(const v1::Occurrence& occurrence, const std::string& text = "", bool final = false);
  void CloseSending();
  void Break();

  // The next of each kind; nothing when none comes for so long, or the call is over.
  std::optional<v1::Occurrence> Next(std::chrono::milliseconds patience = kPatience);
  std::optional<v1::Settled> NextSettled(std::chrono::milliseconds patience = kPatience);
  std::optional<v1::WorkResponse::Revoked> NextRevoked();
  std::optional<v1::StatusDetails> NextError();
  bool WaitForRegistered();
  bool WaitForDrained();
  // How the call ended; nothing if it does not for so long.
  std::optional<grpc::Status> WaitForEnd(std::chrono::milliseconds patience = kPatience);
  // Reads nothing any more until Resume(): what the server sends stays on the way.
  void Stall();
  void Resume();

 private:
  static constexpr std::chrono::milliseconds kPatience = std::chrono::seconds(20);

  void Read();
  template <typename T>
  std::optional<T> Take(std::deque<T>& from, std::chrono::milliseconds patience);
  bool WaitFor(const std::function<bool()>& condition, std::chrono::milliseconds patience)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkRequest, v1::WorkResponse>> call_;
  absl::Mutex sending_;
  absl::Mutex mutex_;
  std::deque<v1::Occurrence> occurrences_;
  std::deque<v1::Settled> settled_;
  std::deque<v1::WorkResponse::Revoked> revoked_;
  std::deque<v1::StatusDetails> errors_;
  bool registered_ = false;
  bool drained_ = false;
  bool stalled_ = false;
  std::optional<grpc::Status> end_;
  std::thread thread_;
};

}  // namespace timerd::testing
