// One Submit call: batches in, their results out, several under way at once.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <optional>

#include "server/base/mutex.h"
#include "server/service/batch.h"
#include "server/service/call_counts.h"
#include "server/service/stream_registry.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::service {

// Reads the next message while fewer than `max_under_way` wait for their answer or to be written,
// so that HTTP/2 flow control holds back a client that is faster than the disk, or does not read.
//
// Lives from its making to the later of gRPC's OnDone and its last answer.
class SubmitStream final : public grpc::ServerBidiReactor<v1::SubmitRequest, v1::SubmitResponse>,
                           public Endable,
                           public std::enable_shared_from_this<SubmitStream> {
 public:
  struct Options {
    size_t max_items = 10'000;
    size_t max_under_way = 64;
  };

  static std::shared_ptr<SubmitStream> Make(const Options& options, const Validator& validator,
                                            Router& router, StreamRegistry& registry,
                                            CallCounts& calls);
  SubmitStream(const Options& options, const Validator& validator, Router& router,
               StreamRegistry& registry, CallCounts& calls)
      : options_(options),
        validator_(validator),
        router_(router),
        registry_(registry),
        calls_(calls) {}

  // Joins the registry and begins to read, or ends the call with what the registry says.
  void Begin();
  void EndWith(const absl::Status& status) override;

  // ---- Reactions of gRPC ----
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  using Answer = std::shared_ptr<v1::SubmitResponse>;  // owns its arena

  void CarryOutRequest();
  void OnAnswered(Answer answer);
  void EndLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FinishLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The one place that reads, writes and finishes.
  void Proceed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const Validator& validator_;
  Router& router_;
  StreamRegistry& registry_;
  CallCounts& calls_;

  v1::SubmitRequest request_;  // being read, or being turned into commands
  Mutex mutex_;
  std::shared_ptr<SubmitStream> self_ ABSL_GUARDED_BY(mutex_);
  size_t under_way_ ABSL_GUARDED_BY(mutex_) = 0;        // carried out, not yet answered
  std::deque<Answer> answers_ ABSL_GUARDED_BY(mutex_);  // front: being written, if writing_
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool no_more_reads_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);  // ends the call, whatever is under way
};

}  // namespace timerd::service
