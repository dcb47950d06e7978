// What all push targets of a server share, and how a queue gets the worker for its own.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/push/alarms.h"
#include "server/push/allow_list.h"
#include "server/push/grpc_sender.h"
#include "server/push/http_client.h"
#include "server/push/push_worker.h"
#include "timerd/v1/queues.pb.h"

namespace timerd::push {

struct TargetsOptions {
  AllowList allow;
  std::string secret;  // signs what goes over HTTP; empty: unsigned
  size_t max_answer_bytes = 64 << 10;
  Span max_retry_after = std::chrono::hours(1);
};

// A v1::Target that was found good, with its defaults filled in.
struct TargetSettings {
  Url url;
  uint32_t max_concurrent = 16;
  double max_per_second = 0;
  Span timeout = std::chrono::seconds(30);
};

// Thread-safe. Has two threads: libcurl's, and one for alarms.
class Targets {
 public:
  explicit Targets(TargetsOptions options);
  // Breaks off all calls and waits for them. REQUIRES: its workers are stopped. What their
  // callbacks use must outlive this.
  ~Targets();

  // INVALID_FIELD, for a field that begins with `field` ("settings.target"), when the target is not
  // allowed or is out of range.
  absl::StatusOr<TargetSettings> Check(const v1::Target& target, absl::string_view field) const;

  // The worker of the queue `queue` ("billing/mail"), to take part in it with the credit
  // max_concurrent. It must be stopped before it is dropped.
  std::shared_ptr<PushWorker> NewWorker(const std::string& queue, const TargetSettings& target,
                                        PushWorker::Settle settle, PushWorker::Free free);

 private:
  const TargetsOptions options_;
  GrpcCalls grpc_calls_;
  HttpClient http_client_;
  RealAlarms alarms_;  // last, to end first: an alarm begins calls, but no call of a stopped worker
                       // sets an alarm
};

}  // namespace timerd::push
