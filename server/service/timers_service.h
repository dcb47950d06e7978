// The gRPC edge: each call validated, turned into a command for its shard, and answered.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "server/service/call_counts.h"
#include "server/service/cursor.h"
#include "server/service/router.h"
#include "server/service/status_mapping.h"
#include "server/service/stream_registry.h"
#include "server/service/submit_stream.h"
#include "server/service/validation.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd::service {

struct FeedOptions {
  bool on = true;  // off: nothing is retained, feeds are refused, and events carry no cursor
  // As in Cursors.
  uint64_t directory = 0;
  uint64_t process = 0;
  // OK, or why `queue` ("billing/mail") has no feed.
  std::function<absl::Status(absl::string_view queue)> check_queue = [](absl::string_view) {
    return absl::OkStatus();
  };
};

struct ServiceOptions {
  RequestLimits limits;
  size_t max_streams = 100'000;
  size_t max_stream_buffer = 256;
  SubmitStream::Options batches;
  FeedOptions feeds;
};

// Reactions run on gRPC's threads and never block.
class TimersService final : public v1::Timers::CallbackService {
 public:
  // `router` and `calls` outlive the service.
  TimersService(const ServiceOptions& options, Router& router, CallCounts& calls)
      : options_(options),
        router_(router),
        calls_(calls),
        validator_(options.limits),
        cursors_(options.feeds.directory, options.feeds.process),
        streams_(options.max_streams) {}

  // Refuses every call from now on with UNAVAILABLE, and ends all streams with it.
  void Drain();

  // For metrics and health; any thread.
  bool is_draining() const { return draining_.load(); }
  size_t streams() const { return streams_.size(); }
  // All streams of the server: other services join theirs, under the one limit.
  StreamRegistry& registry() { return streams_; }
  // Of these, the ones that follow a feed.
  size_t feed_streams() const { return feed_streams_.load(std::memory_order_relaxed); }

  grpc::ServerWriteReactor<v1::ScheduleResponse>* Schedule(
      grpc::CallbackServerContext* context, const v1::ScheduleRequest* request) override;
  grpc::ServerWriteReactor<v1::StartLoopResponse>* StartLoop(
      grpc::CallbackServerContext* context, const v1::StartLoopRequest* request) override;
  grpc::ServerWriteReactor<v1::WithTimeoutResponse>* WithTimeout(
      grpc::CallbackServerContext* context, const v1::WithTimeoutRequest* request) override;
  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext* context,
                                                     const v1::WatchRequest* request) override;
  grpc::ServerUnaryReactor* Cancel(grpc::CallbackServerContext* context,
                                   const v1::CancelRequest* request,
                                   v1::CancelResponse* response) override;
  grpc::ServerUnaryReactor* StopLoop(grpc::CallbackServerContext* context,
                                     const v1::StopLoopRequest* request,
                                     v1::StopLoopResponse* response) override;
  grpc::ServerUnaryReactor* PauseLoop(grpc::CallbackServerContext* context,
                                      const v1::PauseLoopRequest* request,
                                      v1::PauseLoopResponse* response) override;
  grpc::ServerUnaryReactor* ResumeLoop(grpc::CallbackServerContext* context,
                                       const v1::ResumeLoopRequest* request,
                                       v1::ResumeLoopResponse* response) override;
  grpc::ServerUnaryReactor* ResetLoop(grpc::CallbackServerContext* context,
                                      const v1::ResetLoopRequest* request,
                                      v1::ResetLoopResponse* response) override;
  grpc::ServerUnaryReactor* ChangeInterval(grpc::CallbackServerContext* context,
                                           const v1::ChangeIntervalRequest* request,
                                           v1::ChangeIntervalResponse* response) override;
  grpc::ServerUnaryReactor* TriggerLoop(grpc::CallbackServerContext* context,
                                        const v1::TriggerLoopRequest* request,
                                        v1::TriggerLoopResponse* response) override;
  grpc::ServerUnaryReactor* Report(grpc::CallbackServerContext* context,
                                   const v1::ReportRequest* request,
                                   v1::ReportResponse* response) override;
  grpc::ServerUnaryReactor* Reschedule(grpc::CallbackServerContext* context,
                                       const v1::RescheduleRequest* request,
                                       v1::RescheduleResponse* response) override;
  grpc::ServerUnaryReactor* Batch(grpc::CallbackServerContext* context,
                                  const v1::BatchRequest* request,
                                  v1::BatchResponse* response) override;
  grpc::ServerBidiReactor<v1::SubmitRequest, v1::SubmitResponse>* Submit(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                v1::GetResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const v1::ListRequest* request,
                                 v1::ListResponse* response) override;

 private:
  // Opens a stream that follows the handle that `request` is for.
  template <typename Response, typename Request>
  grpc::ServerWriteReactor<Response>* OpenStream(const Request& request, bool detached);
  grpc::ServerWriteReactor<v1::WatchResponse>* OpenFeed(const v1::WatchRequest& request);
  // Answers a unary call about one handle.
  template <typename Result, typename Request, typename Response>
  grpc::ServerUnaryReactor* Ask(grpc::CallbackServerContext* context, const Request& request,
                                Response* response);
  // Ends a call of the method whose request `Request` is.
  template <typename Request>
  void Finish(grpc::ServerUnaryReactor* call, const absl::Status& status) {
    calls_.Count<Request>(status);
    call->Finish(ToGrpc(status));
  }
  // Whether a call may be looked at: not draining, not too large.
  absl::Status Admit(const google::protobuf::Message& request) const;

  const ServiceOptions options_;
  Router& router_;
  CallCounts& calls_;
  const Validator validator_;
  const Cursors cursors_;
  StreamRegistry streams_;
  std::atomic<size_t> feed_streams_{0};
  std::atomic<bool> draining_{false};
};

}  // namespace timerd::service
