// One Work call: a worker of a queue.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "server/base/mutex.h"
#include "server/delivery/queue_directory.h"
#include "server/service/call_counts.h"
#include "server/service/router.h"
#include "server/service/stream_registry.h"
#include "server/service/validation.h"
#include "timerd/v1/queues.pb.h"

namespace timerd::service {

// Occurrences and answers gather while a message is being written, and leave in the next. A reader
// that is slower than its credit costs a bounded number of bytes: above that it is given nothing
// until some are written. Settlements are read only while few enough wait for their answer.
//
// Lives from its making to the latest of gRPC's OnDone, the last lease that it holds and the last
// answer that it waits for.
class WorkStream final : public grpc::ServerBidiReactor<v1::WorkRequest, v1::WorkResponse>,
                         public Endable,
                         public reactor::Worker,
                         public std::enable_shared_from_this<WorkStream> {
 public:
  struct Options {
    uint32_t max_credit = 10'000;
    size_t max_settlements = 10'000;  // in one message
    // What waits to be written before the worker is given no more: some messages beyond those that
    // the connection holds, so that a worker that has stopped reading holds few of the others'
    // occurrences, whatever its credit.
    size_t max_waiting_bytes = 128 << 10;
  };

  static std::shared_ptr<WorkStream> Make(const Options& options, const Validator& validator,
                                          Router& router, delivery::QueueDirectory& queues,
                                          StreamRegistry& registry, CallCounts& calls,
                                          std::string peer);
  WorkStream(const Options& options, const Validator& validator, Router& router,
             delivery::QueueDirectory& queues, StreamRegistry& registry, CallCounts& calls,
             std::string peer)
      : options_(options),
        validator_(validator),
        router_(router),
        queues_(queues),
        registry_(registry),
        calls_(calls),
        peer_(std::move(peer)) {}

  // Joins the registry and begins to read, or ends the call with what the registry says.
  void Begin();
  // The server stops: leases stay, for the worker to settle when the server is back.
  void EndWith(const absl::Status& status) override;

  // ---- reactor::Worker ----
  void Deliver(reactor::Occurrence occurrence) override;
  void OnLeaseOver(absl::string_view key, uint64_t lease, bool revoked) override;

  // ---- Reactions of gRPC ----
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  using Member = delivery::WorkQueue::Member;
  struct Message {
    v1::WorkResponse message;
    size_t bytes = 0;  // about
  };

  absl::Status Take(const v1::WorkRequest& request);
  absl::Status Register(const v1::WorkRequest::Register& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnRegistered(delivery::WorkQueue::MemberInfo info,
                    const absl::StatusOr<reactor::TimeRead>& time);
  void Settle(const v1::Settlement& settlement);
  void OnSettled(const std::string& id, uint64_t lease,
                 const absl::StatusOr<reactor::Settled>& settled);
  void Abandon(const std::string& key, uint64_t lease);

  // The message that gathers.
  v1::WorkResponse& Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountWaiting(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteDrained() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The one place that reads, writes and finishes.
  void Proceed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const Validator& validator_;
  Router& router_;
  delivery::QueueDirectory& queues_;
  StreamRegistry& registry_;
  CallCounts& calls_;
  const std::string peer_;

  v1::WorkRequest request_;  // being read, or being carried out
  Mutex mutex_;
  std::shared_ptr<WorkStream> self_ ABSL_GUARDED_BY(mutex_);
  std::string name_space_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<delivery::WorkQueue> queue_ ABSL_GUARDED_BY(mutex_);  // null: not registered
  std::shared_ptr<Member> member_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, std::string> in_flight_ ABSL_GUARDED_BY(mutex_);  // lease -> key
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;      // takes nothing any more
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;  // because the server does
  size_t settling_ ABSL_GUARDED_BY(mutex_) = 0;
  bool registering_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Message> messages_ ABSL_GUARDED_BY(mutex_);  // front: being written, if writing_
  size_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;      // of all of them
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool no_more_reads_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace timerd::service
