// The gRPC edge of queues: workers, and those who look after them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/delivery/queue_directory.h"
#include "server/service/call_counts.h"
#include "server/service/router.h"
#include "server/service/status_mapping.h"
#include "server/service/stream_registry.h"
#include "server/service/validation.h"
#include "server/service/work_stream.h"
#include "timerd/v1/queues.grpc.pb.h"

namespace timerd::service {

// What queues were told to do, kept over restarts. Thread-safe.
class QueueSettingsStore {
 public:
  virtual ~QueueSettingsStore() = default;

  // Replaces what is kept of the queue `name`, namespace and queue; durable when it returns.
  virtual absl::Status Put(const std::string& name, bool paused,
                           const v1::QueueSettings& settings) = 0;
  // Whether it is paused, and its settings; nothing was ever kept: not, and none.
  virtual std::pair<bool, v1::QueueSettings> Get(const std::string& name) const = 0;
};

// Queues that are pushed to a target instead of being worked on. Thread-safe.
class PushTargets {
 public:
  virtual ~PushTargets() = default;

  // INVALID_ARGUMENT when `settings` name a target that is not allowed, or is out of range.
  virtual absl::Status Check(const v1::QueueSettings& settings) const = 0;
  // From now on `queue` is pushed as `settings`, which Check() has found good, say; or not.
  virtual void Apply(const std::shared_ptr<delivery::WorkQueue>& queue,
                     const v1::QueueSettings& settings) = 0;
};

struct QueuesOptions {
  RequestLimits limits;
  WorkStream::Options work;
};

// Reactions run on gRPC's threads and never block, but for those that change a queue's settings:
// they wait for the disk.
class QueuesService final : public v1::Queues::CallbackService {
 public:
  // All references outlive the service.
  QueuesService(const QueuesOptions& options, Router& router, delivery::QueueDirectory& queues,
                QueueSettingsStore& settings, PushTargets& targets, StreamRegistry& streams,
                CallCounts& calls)
      : options_(options),
        router_(router),
        queues_(queues),
        settings_(settings),
        targets_(targets),
        calls_(calls),
        validator_(options.limits),
        streams_(streams) {}

  // Refuses every call from now on with UNAVAILABLE. Who owns the registry ends the streams.
  void Drain() { draining_.store(true); }

  grpc::ServerBidiReactor<v1::WorkRequest, v1::WorkResponse>* Work(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetQueue(grpc::CallbackServerContext* context,
                                     const v1::GetQueueRequest* request,
                                     v1::GetQueueResponse* response) override;
  grpc::ServerUnaryReactor* ListQueues(grpc::CallbackServerContext* context,
                                       const v1::ListQueuesRequest* request,
                                       v1::ListQueuesResponse* response) override;
  grpc::ServerUnaryReactor* ConfigureQueue(grpc::CallbackServerContext* context,
                                           const v1::ConfigureQueueRequest* request,
                                           v1::ConfigureQueueResponse* response) override;
  grpc::ServerUnaryReactor* PauseQueue(grpc::CallbackServerContext* context,
                                       const v1::PauseQueueRequest* request,
                                       v1::PauseQueueResponse* response) override;
  grpc::ServerUnaryReactor* ResumeQueue(grpc::CallbackServerContext* context,
                                        const v1::ResumeQueueRequest* request,
                                        v1::ResumeQueueResponse* response) override;
  grpc::ServerUnaryReactor* PurgeQueue(grpc::CallbackServerContext* context,
                                       const v1::PurgeQueueRequest* request,
                                       v1::PurgeQueueResponse* response) override;
  grpc::ServerUnaryReactor* ListDeadLetters(grpc::CallbackServerContext* context,
                                            const v1::ListDeadLettersRequest* request,
                                            v1::ListDeadLettersResponse* response) override;
  grpc::ServerUnaryReactor* ReplayDeadLetters(grpc::CallbackServerContext* context,
                                              const v1::ReplayDeadLettersRequest* request,
                                              v1::ReplayDeadLettersResponse* response) override;
  grpc::ServerUnaryReactor* PurgeDeadLetters(grpc::CallbackServerContext* context,
                                             const v1::PurgeDeadLettersRequest* request,
                                             v1::PurgeDeadLettersResponse* response) override;

 private:
  using QueuePtr = std::shared_ptr<delivery::WorkQueue>;

  // Ends a call of the method whose request `Request` is.
  template <typename Request>
  void Finish(grpc::ServerUnaryReactor* call, const absl::Status& status) {
    calls_.Count<Request>(status);
    call->Finish(ToGrpc(status));
  }
  // Runs `start`, and ends the call if that fails; otherwise it has seen to it that it ends.
  template <typename Request, typename Start>
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const Request& request,
                                   Start start) {
    grpc::ServerUnaryReactor* const call = context->DefaultReactor();
    absl::Status status = draining_.load() ? ShuttingDown() : validator_.CheckSize(request);
    if (status.ok()) {
      status = start(call);
    }
    if (!status.ok()) {
      Finish<Request>(call, status);
    }
    return call;
  }
  // Describes `queues`, then calls `done`.
  void Describe(const std::string& name_space, std::vector<QueuePtr> queues, bool with_workers,
                std::function<v1::Queue*()> add, google::protobuf::Timestamp* now,
                std::function<void(const absl::Status&)> done);
  absl::Status SetPaused(delivery::WorkQueue& queue, bool paused);
  // Replays or forgets the letter that `request` names, or all there are.
  template <typename Request>
  absl::Status TakeLetters(const Request& request, bool replay,
                           std::function<void(uint64_t taken, const std::string& id)> on_taken,
                           std::function<void(const absl::Status&)> done);

  const QueuesOptions options_;
  Router& router_;
  delivery::QueueDirectory& queues_;
  QueueSettingsStore& settings_;
  PushTargets& targets_;
  CallCounts& calls_;
  const Validator validator_;
  StreamRegistry& streams_;
  std::atomic<bool> draining_{false};
};

}  // namespace timerd::service
