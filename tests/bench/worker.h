// A worker of a queue that settles what it gets as soon as it gets it.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace timerd::bench {

// Nanoseconds of Unix time; client and server are on one machine, so that their clocks compare.
struct Firing {
  int64_t deadline = 0;
  int64_t decided = 0;  // by the server
  int64_t arrived = 0;  // here
};

// Thread-safe; works on a thread of its own, over a connection of its own.
class Worker {
 public:
  Worker(const std::string& target, const std::string& queue, uint32_t credit = 10'000);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Waits until so many are settled, which is durable, or `seconds` are over; returns how many are.
  // Throws when the stream has ended.
  uint64_t WaitUntilSettled(uint64_t count, double seconds);
  uint64_t settled() const { return settled_.load(); }
  // Of what came since the last call.
  std::vector<Firing> TakeFirings();

 private:
  enum class Operation { kStart, kWrite, kRead, kFinish };

  void Run(const std::string& queue, uint32_t credit);
  void OnResponse(absl::string_view response);
  void Settle(absl::string_view occurrence, int64_t now);
  void Write();
  // What a completion is recognised by.
  void* Tag(Operation operation) { return &tags_.at(static_cast<size_t>(operation)); }

  std::array<Operation, 4> tags_{Operation::kStart, Operation::kWrite, Operation::kRead,
                                 Operation::kFinish};
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue completed_;
  // The worker's thread.
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  bool writing_ = true;
  std::string settlements_;  // a serialized WorkRequest that grows while another is written
  std::string settlement_;

  absl::Mutex mutex_;
  std::vector<Firing> firings_ ABSL_GUARDED_BY(mutex_);
  std::string ended_ ABSL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> settled_{0};
  std::thread thread_;
};

}  // namespace timerd::bench
