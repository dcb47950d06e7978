// Pushes over gRPC: one call of timerd.v1.Receiver/Deliver for each delivery.
#pragma once

#include <condition_variable>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "server/base/mutex.h"
#include "server/push/sender.h"
#include "server/push/url.h"
#include "timerd/v1/queues.grpc.pb.h"

namespace timerd::push {

// The gRPC calls under way of all senders, so that the server can end after them. Thread-safe.
//
// When the last channel of a process goes that has made callback calls, gRPC 1.51 joins the threads
// that run callbacks; on one of these threads that ends the process. Our channels may go anywhere,
// so one that has made calls is kept here until the end.
class GrpcCalls {
 public:
  using Stub = std::shared_ptr<v1::Receiver::Stub>;

  GrpcCalls() = default;
  // Breaks off what is under way, and waits for its callbacks. REQUIRES: not called on a thread of
  // gRPC's.
  ~GrpcCalls();
  GrpcCalls(const GrpcCalls&) = delete;
  GrpcCalls& operator=(const GrpcCalls&) = delete;

  void Add(std::shared_ptr<Call> call);
  void Remove(const Call* call);
  // `stub` has made a call.
  void Keep(Stub stub);

 private:
  std::mutex mutex_;  // bare, because std::condition_variable wants it so
  std::condition_variable none_left_;
  absl::flat_hash_map<const Call*, std::shared_ptr<Call>> calls_ ABSL_GUARDED_BY(mutex_);
  Stub kept_ ABSL_GUARDED_BY(mutex_);
};

// What `status` means for the run: INVALID_ARGUMENT and FAILED_PRECONDITION say "never", other
// failures are tried again.
timer::Verdict VerdictOf(const grpc::Status& status, v1::DeliverResponse response, const Url& url,
                         size_t max_answer_bytes);

// Has one connection, made when it is first needed. Thread-safe.
class GrpcSender final : public Sender {
 public:
  // `calls` outlives all calls, this need not.
  GrpcSender(GrpcCalls& calls, Url url, Span timeout, size_t max_answer_bytes,
             const std::string& version);

  std::shared_ptr<Call> Send(const v1::DeliverRequest& request, Done done) override;

 private:
  GrpcCalls& calls_;
  const Url url_;
  const Span timeout_;
  const size_t max_answer_bytes_;
  const GrpcCalls::Stub stub_;
};

}  // namespace timerd::push
