// The gRPC edge: each call validated, turned into a command for its shard, and answered.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/clock/clock.h"
#include "server/reactor/usage.h"
#include "server/service/call_counts.h"
#include "server/service/event_stream.h"
#include "server/service/router.h"
#include "server/service/stream_registry.h"
#include "server/service/validation.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd::service {

struct ServiceOptions {
  RequestLimits limits;
  size_t max_streams = 100'000;
  size_t max_stream_buffer = 256;
};

// Reactions run on gRPC's threads and never block.
class TimersService final : public v1::Timers::CallbackService {
 public:
  // `clock`, `usage` and what `router` names outlive the service.
  TimersService(const ServiceOptions& options, const clock::Clock& clock, Router router,
                reactor::NamespaceUsage& usage)
      : options_(options),
        clock_(clock),
        router_(std::move(router)),
        usage_(usage),
        validator_(options.limits),
        streams_(options.max_streams) {}

  // Refuses every call from now on with UNAVAILABLE, and ends all streams with it.
  void Drain();

  // For metrics and health; any thread.
  bool is_draining() const { return draining_.load(); }
  size_t streams() const { return streams_.size(); }
  const CallCounts& calls() const { return calls_; }

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
  grpc::ServerUnaryReactor* Report(grpc::CallbackServerContext* context,
                                   const v1::ReportRequest* request,
                                   v1::ReportResponse* response) override;
  grpc::ServerUnaryReactor* Reschedule(grpc::CallbackServerContext* context,
                                       const v1::RescheduleRequest* request,
                                       v1::RescheduleResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                v1::GetResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const v1::ListRequest* request,
                                 v1::ListResponse* response) override;

 private:
  // Opens a stream for `request`: `make_command(reply)` gives the command that opens it, or an
  // error.
  template <typename Response, typename Request, typename MakeCommand>
  grpc::ServerWriteReactor<Response>* OpenStream(const Request& request, bool detached,
                                                 MakeCommand make_command);
  // Answers a unary call about one handle: posts the command that `make_command(reply)` gives, and
  // has `fill(result)` fill the response.
  template <typename Result, typename Request, typename MakeCommand, typename Fill>
  grpc::ServerUnaryReactor* Ask(grpc::CallbackServerContext* context, const Request& request,
                                MakeCommand make_command, Fill fill);
  // Ends a call of the method whose request `Request` is.
  template <typename Request>
  void Finish(grpc::ServerUnaryReactor* call, const absl::Status& status);
  // Whether a call may be looked at: not draining, not too large.
  absl::Status Admit(const google::protobuf::Message& request) const;
  int64_t UnixNow() const { return clock_.Read().unix_ns; }

  const ServiceOptions options_;
  const clock::Clock& clock_;
  const Router router_;
  reactor::NamespaceUsage& usage_;
  const Validator validator_;
  StreamRegistry streams_;
  CallCounts calls_;
  std::atomic<bool> draining_{false};
};

}  // namespace timerd::service
