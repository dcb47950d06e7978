#include "server/service/timers_service.h"

#include <memory>
#include <string>
#include <utility>

#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/service/commands.h"
#include "server/service/event_stream.h"
#include "server/service/feed_request.h"
#include "server/service/feed_stream.h"
#include "server/service/status_mapping.h"
#include "server/service/translation.h"

namespace timerd::service {

void TimersService::Drain() {
  draining_.store(true);
  streams_.EndAll(ShuttingDown());
}

absl::Status TimersService::Admit(const google::protobuf::Message& request) const {
  return draining_.load() ? ShuttingDown() : validator_.CheckSize(request);
}

template <typename Response, typename Request>
grpc::ServerWriteReactor<Response>* TimersService::OpenStream(const Request& request,
                                                              bool detached) {
  auto stream = EventStream<Response>::Make(
      {.detached = detached, .max_waiting = options_.max_stream_buffer}, streams_, calls_);
  EventStream<Response>* const raw = stream.get();
  if (!stream->Admit()) {
    return raw;
  }
  const absl::Status opened = [&]() -> absl::Status {
    TIMERD_RETURN_IF_ERROR(Admit(request));
    TIMERD_ASSIGN_OR_RETURN(const std::string key,
                            ToKey(validator_, request.namespace_(), request));
    TIMERD_ASSIGN_OR_RETURN(const ShardPort shard, router_.For(key));
    TIMERD_ASSIGN_OR_RETURN(
        reactor::Command command,
        ToCommand(validator_, request, key,
                  [shard, stream](const absl::StatusOr<reactor::Opened>& answer) {
                    shard.attachments->Open(answer, stream);
                  }));
    if (!detached) {  // which is never attached
      stream->OnGone([shard, key] {
        // On the shard's thread, which may then find that nobody follows the handle any more.
        shard.port->PostAlways(reactor::Run{[shard, key] {
          if (shard.attachments->Sweep(key)) {
            shard.port->PostAlways(reactor::Unfollow{key});
          }
        }});
      });
    }
    if (options_.feeds.on) {
      stream->AddCursors(&cursors_, shard.index);
    }
    shard.port->Post(std::move(command));
    return absl::OkStatus();
  }();
  if (!opened.ok()) {
    stream->EndWith(opened);
  }
  return raw;
}

template <typename Result, typename Request, typename Response>
grpc::ServerUnaryReactor* TimersService::Ask(grpc::CallbackServerContext* context,
                                             const Request& request, Response* response) {
  grpc::ServerUnaryReactor* const call = context->DefaultReactor();
  const absl::Status asked = [&]() -> absl::Status {
    TIMERD_RETURN_IF_ERROR(Admit(request));
    TIMERD_ASSIGN_OR_RETURN(const std::string key,
                            ToKey(validator_, request.namespace_(), request));
    reactor::Reply<Result> reply = [this, call, response](const absl::StatusOr<Result>& result) {
      if (result.ok()) {
        Translate(*result, response);
      }
      Finish<Request>(call, result.status());
    };
    TIMERD_ASSIGN_OR_RETURN(reactor::Command command,
                            ToCommand(validator_, request, key, std::move(reply)));
    TIMERD_ASSIGN_OR_RETURN(const ShardPort shard, router_.For(key));
    shard.port->Post(std::move(command));
    return absl::OkStatus();
  }();
  if (!asked.ok()) {
    Finish<Request>(call, asked);
  }
  return call;
}

grpc::ServerWriteReactor<v1::ScheduleResponse>* TimersService::Schedule(
    grpc::CallbackServerContext*, const v1::ScheduleRequest* request) {
  return OpenStream<v1::ScheduleResponse>(*request, request->detached());
}

grpc::ServerWriteReactor<v1::StartLoopResponse>* TimersService::StartLoop(
    grpc::CallbackServerContext*, const v1::StartLoopRequest* request) {
  return OpenStream<v1::StartLoopResponse>(*request, request->detached());
}

grpc::ServerWriteReactor<v1::WithTimeoutResponse>* TimersService::WithTimeout(
    grpc::CallbackServerContext*, const v1::WithTimeoutRequest* request) {
  return OpenStream<v1::WithTimeoutResponse>(*request, request->detached());
}

grpc::ServerWriteReactor<v1::WatchResponse>* TimersService::Watch(grpc::CallbackServerContext*,
                                                                  const v1::WatchRequest* request) {
  return IsFeed(*request) ? OpenFeed(*request)
                          : OpenStream<v1::WatchResponse>(*request, /*detached=*/false);
}

grpc::ServerWriteReactor<v1::WatchResponse>* TimersService::OpenFeed(
    const v1::WatchRequest& request) {
  const auto stream = FeedStream::Make(cursors_, streams_, calls_, feed_streams_);
  FeedStream* const raw = stream.get();
  if (!stream->Admit()) {
    return raw;
  }
  const absl::Status opened = [&]() -> absl::Status {
    TIMERD_RETURN_IF_ERROR(Admit(request));
    TIMERD_ASSIGN_OR_RETURN(const reactor::FeedFilter filter, ToFeedFilter(validator_, request));
    if (!options_.feeds.on) {
      return Refuse(Reason::kLimitExceeded,
                    "Watch: this server retains no events, because --feed-retention or "
                    "--feed-max-bytes is 0; follow single handles, or raise the flag",
                    "feed-retention");
    }
    const absl::string_view name = NamespaceOf(filter.prefix);
    if (!filter.queue.empty()) {
      TIMERD_RETURN_IF_ERROR(options_.feeds.check_queue(HandleKey(name, filter.queue)));
    }
    TIMERD_ASSIGN_OR_RETURN(const std::vector<ShardPort> shards, router_.AllOf(name));
    TIMERD_ASSIGN_OR_RETURN(const std::vector<reactor::FeedStart> starts,
                            ToFeedStarts(cursors_, request, shards.size()));
    stream->Begin(filter, starts, shards);
    return absl::OkStatus();
  }();
  if (!opened.ok()) {
    stream->EndWith(opened);
  }
  return raw;
}

grpc::ServerUnaryReactor* TimersService::Cancel(grpc::CallbackServerContext* context,
                                                const v1::CancelRequest* request,
                                                v1::CancelResponse* response) {
  return Ask<reactor::Cancelled>(context, *request, response);
}

grpc::ServerUnaryReactor* TimersService::StopLoop(grpc::CallbackServerContext* context,
                                                  const v1::StopLoopRequest* request,
                                                  v1::StopLoopResponse* response) {
  return Ask<reactor::Stopped>(context, *request, response);
}

grpc::ServerUnaryReactor* TimersService::PauseLoop(grpc::CallbackServerContext* context,
                                                   const v1::PauseLoopRequest* request,
                                                   v1::PauseLoopResponse* response) {
  return Ask<reactor::Steered>(context, *request, response);
}

grpc::ServerUnaryReactor* TimersService::ResumeLoop(grpc::CallbackServerContext* context,
                                                    const v1::ResumeLoopRequest* request,
                                                    v1::ResumeLoopResponse* response) {
  return Ask<reactor::Steered>(context, *request, response);
}

grpc::ServerUnaryReactor* TimersService::ResetLoop(grpc::CallbackServerContext* context,
                                                   const v1::ResetLoopRequest* request,
                                                   v1::ResetLoopResponse* response) {
  return Ask<reactor::Steered>(context, *request, response);
}

grpc::ServerUnaryReactor* TimersService::ChangeInterval(grpc::CallbackServerContext* context,
                                                        const v1::ChangeIntervalRequest* request,
                                                        v1::ChangeIntervalResponse* response) {
  return Ask<reactor::Steered>(context, *request, response);
}

grpc::ServerUnaryReactor* TimersService::TriggerLoop(grpc::CallbackServerContext* context,
                                                     const v1::TriggerLoopRequest* request,
                                                     v1::TriggerLoopResponse* response) {
  return Ask<reactor::Steered>(context, *request, response);
}

grpc::ServerUnaryReactor* TimersService::Report(grpc::CallbackServerContext* context,
                                                const v1::ReportRequest* request,
                                                v1::ReportResponse* response) {
  return Ask<reactor::Reported>(context, *request, response);
}

grpc::ServerUnaryReactor* TimersService::Reschedule(grpc::CallbackServerContext* context,
                                                    const v1::RescheduleRequest* request,
                                                    v1::RescheduleResponse* response) {
  return Ask<reactor::Moved>(context, *request, response);
}

grpc::ServerUnaryReactor* TimersService::Get(grpc::CallbackServerContext* context,
                                             const v1::GetRequest* request,
                                             v1::GetResponse* response) {
  return Ask<reactor::Got>(context, *request, response);
}

grpc::ServerUnaryReactor* TimersService::Batch(grpc::CallbackServerContext* context,
                                               const v1::BatchRequest* request,
                                               v1::BatchResponse* response) {
  grpc::ServerUnaryReactor* const call = context->DefaultReactor();
  const absl::Status carried_out = [&]() -> absl::Status {
    TIMERD_RETURN_IF_ERROR(Admit(*request));
    TIMERD_RETURN_IF_ERROR(CheckBatch(request->items(), options_.batches.max_items));
    TIMERD_ASSIGN_OR_RETURN(const std::string name, Validator::ToNamespace(request->namespace_()));
    CarryOut(validator_, router_, calls_, name, request->items(), *response->mutable_results(),
             [this, call] { Finish<v1::BatchRequest>(call, absl::OkStatus()); });
    return absl::OkStatus();
  }();
  if (!carried_out.ok()) {
    Finish<v1::BatchRequest>(call, carried_out);
  }
  return call;
}

grpc::ServerBidiReactor<v1::SubmitRequest, v1::SubmitResponse>* TimersService::Submit(
    grpc::CallbackServerContext*) {
  const auto stream = SubmitStream::Make(options_.batches, validator_, router_, streams_, calls_);
  SubmitStream* const raw = stream.get();
  raw->Begin();
  return raw;
}

}  // namespace timerd::service
