#include "server/service/timers_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/base/status.h"
#include "server/service/generated_id.h"
#include "server/service/page.h"
#include "server/service/translation.h"

namespace timerd::service {
namespace {

constexpr size_t kDefaultPageSize = 100;
constexpr size_t kMaxPageSize = 1000;

absl::Status ShuttingDown() {
  return Refuse(Reason::kShuttingDown,
                "the server is shutting down; timers are kept, try again when it is back");
}

// The id that a creating command is for: the client's, or a new one.
absl::StatusOr<std::string> IdOrNew(const Validator& validator, const std::string& id) {
  if (id.empty()) {
    return GenerateId();
  }
  TIMERD_RETURN_IF_ERROR(validator.CheckId("id", id));
  return id;
}

template <typename Enum, typename Domain>
absl::Status CheckFilter(absl::string_view field, Enum value, bool is_known,
                         std::optional<Domain>* to) {
  if (!is_known) {
    return Refuse(Reason::kInvalidField,
                  absl::StrCat("List: ", field, " ", static_cast<int>(value),
                               " is not a known value; leave it unset for all"),
                  field);
  }
  if (static_cast<int>(value) != 0) {
    *to = static_cast<Domain>(static_cast<int>(value) - 1);
  }
  return absl::OkStatus();
}

// Gathers one page of each shard and answers when the last has come.
class ListCall {
 public:
  // `finish(status)` ends the call.
  ListCall(const reactor::ListFilter& filter, size_t shards, size_t max_rows,
           absl::AnyInvocable<void(const absl::Status&)> finish, v1::ListResponse* response)
      : filter_(filter),
        max_rows_(max_rows),
        response_(response),
        finish_(std::move(finish)),
        pages_(shards) {
    missing_ = shards;
  }

  void OnPage(size_t shard, absl::StatusOr<reactor::Listed> listed) {
    const MutexLock lock(mutex_);
    if (listed.ok()) {
      pages_[shard] = *std::move(listed);
    } else {
      error_ = listed.status();
    }
    if (--missing_ == 0) {
      Answer();
    }
  }

 private:
  void Answer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (error_.ok()) {
      const bool pending = filter_.phase == timer::Phase::kPending;
      const Page page = MergePages(std::move(pages_), pending, max_rows_);
      Translate(page.now, response_->mutable_now());
      for (const timer::Handle& handle : page.handles) {
        Translate(handle, response_->add_handles());
      }
      if (page.next) {
        response_->set_next_page_token(ToPageToken(*page.next, filter_));
      }
    }
    finish_(error_);
  }

  const reactor::ListFilter filter_;
  const size_t max_rows_;
  v1::ListResponse* const response_;

  Mutex mutex_;
  absl::AnyInvocable<void(const absl::Status&)> finish_ ABSL_GUARDED_BY(mutex_);
  std::vector<reactor::Listed> pages_ ABSL_GUARDED_BY(mutex_);
  size_t missing_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

void TimersService::Drain() {
  draining_.store(true);
  streams_.EndAll(ShuttingDown());
}

absl::Status TimersService::Admit(const google::protobuf::Message& request) const {
  return draining_.load() ? ShuttingDown() : validator_.CheckSize(request);
}

template <typename Request>
void TimersService::Finish(grpc::ServerUnaryReactor* call, const absl::Status& status) {
  calls_.Count<Request>(status);
  call->Finish(ToGrpc(status));
}

template <typename Response, typename Request, typename MakeCommand>
grpc::ServerWriteReactor<Response>* TimersService::OpenStream(const Request& request, bool detached,
                                                              MakeCommand make_command) {
  auto stream = EventStream<Response>::Make(
      {.detached = detached, .max_waiting = options_.max_stream_buffer}, streams_, calls_);
  EventStream<Response>* const raw = stream.get();
  if (!stream->Admit()) {
    return raw;
  }
  absl::Status status = Admit(request);
  if (status.ok()) {
    status = make_command([this, stream](const std::string& id, auto command) {
      const ShardPort& shard = router_.For(id);
      stream->OnGone([shard, id] {
        shard.reactor->PostAlways([shard, id] { shard.attachments->Sweep(id); });
      });
      command.id = id;
      std::optional<timer::Kind> kind;  // of the handle to be made
      if constexpr (std::is_same_v<decltype(command), reactor::Create>) {
        kind = command.spec.kind;
      }
      command.reply = [this, kind, shard, stream](const absl::StatusOr<reactor::Opened>& opened) {
        if (kind && opened.ok() && !opened->existed) {
          usage_.OnCreated(*kind);
        }
        shard.attachments->Open(opened, stream);
      };
      shard.reactor->Post(std::move(command));
    });
  }
  if (!status.ok()) {
    stream->EndWith(status);
  }
  return raw;
}

template <typename Result, typename Request, typename MakeCommand, typename Fill>
grpc::ServerUnaryReactor* TimersService::Ask(grpc::CallbackServerContext* context,
                                             const Request& request, MakeCommand make_command,
                                             Fill fill) {
  grpc::ServerUnaryReactor* const call = context->DefaultReactor();
  absl::Status status = Admit(request);
  if (status.ok()) {
    status = validator_.CheckId("id", request.id());
  }
  if (status.ok()) {
    reactor::Reply<Result> reply = [this, call, fill](absl::StatusOr<Result> result) {
      if (result.ok()) {
        fill(*result);
      }
      Finish<Request>(call, result.status());
    };
    auto command = make_command(std::move(reply));
    if (command.ok()) {
      router_.For(request.id()).reactor->Post(*std::move(command));
      return call;
    }
    status = command.status();
  }
  Finish<Request>(call, status);
  return call;
}

grpc::ServerWriteReactor<v1::ScheduleResponse>* TimersService::Schedule(
    grpc::CallbackServerContext*, const v1::ScheduleRequest* request) {
  return OpenStream<v1::ScheduleResponse>(
      *request, request->detached(), [this, request](auto post) -> absl::Status {
        TIMERD_ASSIGN_OR_RETURN(const std::string id, IdOrNew(validator_, request->id()));
        TIMERD_ASSIGN_OR_RETURN(timer::Spec spec, validator_.ToSpec(*request, UnixNow()));
        post(id, reactor::Create{.spec = std::move(spec)});
        return absl::OkStatus();
      });
}

grpc::ServerWriteReactor<v1::StartLoopResponse>* TimersService::StartLoop(
    grpc::CallbackServerContext*, const v1::StartLoopRequest* request) {
  return OpenStream<v1::StartLoopResponse>(
      *request, request->detached(), [this, request](auto post) -> absl::Status {
        TIMERD_ASSIGN_OR_RETURN(const std::string id, IdOrNew(validator_, request->id()));
        TIMERD_ASSIGN_OR_RETURN(timer::Spec spec, validator_.ToSpec(*request));
        post(id, reactor::Create{.spec = std::move(spec)});
        return absl::OkStatus();
      });
}

grpc::ServerWriteReactor<v1::WithTimeoutResponse>* TimersService::WithTimeout(
    grpc::CallbackServerContext*, const v1::WithTimeoutRequest* request) {
  return OpenStream<v1::WithTimeoutResponse>(
      *request, request->detached(), [this, request](auto post) -> absl::Status {
        TIMERD_ASSIGN_OR_RETURN(timer::Spec spec, validator_.ToSpec(*request));
        if (!request->target_id().empty()) {
          post(request->target_id(),
               reactor::Bound{.timeout = spec.span, .fallback = std::move(spec.fallback)});
          return absl::OkStatus();
        }
        TIMERD_ASSIGN_OR_RETURN(const std::string id, IdOrNew(validator_, request->id()));
        post(id, reactor::Create{.spec = std::move(spec)});
        return absl::OkStatus();
      });
}

grpc::ServerWriteReactor<v1::WatchResponse>* TimersService::Watch(grpc::CallbackServerContext*,
                                                                  const v1::WatchRequest* request) {
  return OpenStream<v1::WatchResponse>(
      *request, /*detached=*/false, [this, request](auto post) -> absl::Status {
        TIMERD_RETURN_IF_ERROR(validator_.CheckId("id", request->id()));
        post(request->id(), reactor::Watch{.after = request->after_sequence()});
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* TimersService::Cancel(grpc::CallbackServerContext* context,
                                                const v1::CancelRequest* request,
                                                v1::CancelResponse* response) {
  return Ask<reactor::Cancelled>(
      context, *request,
      [request](auto reply) {
        return absl::StatusOr<reactor::Cancel>({request->id(), std::move(reply)});
      },
      [response](const reactor::Cancelled& result) {
        Translate(result.now, response->mutable_now());
      });
}

grpc::ServerUnaryReactor* TimersService::StopLoop(grpc::CallbackServerContext* context,
                                                  const v1::StopLoopRequest* request,
                                                  v1::StopLoopResponse* response) {
  return Ask<reactor::Stopped>(
      context, *request,
      [request](auto reply) {
        return absl::StatusOr<reactor::StopLoop>({request->id(), std::move(reply)});
      },
      [response](const reactor::Stopped& result) {
        Translate(result.now, response->mutable_now());
        response->set_state(ToApi(result.phase));
      });
}

grpc::ServerUnaryReactor* TimersService::Report(grpc::CallbackServerContext* context,
                                                const v1::ReportRequest* request,
                                                v1::ReportResponse* response) {
  return Ask<reactor::Reported>(
      context, *request,
      [this, request](auto reply) -> absl::StatusOr<reactor::Report> {
        TIMERD_ASSIGN_OR_RETURN(timer::Outcome outcome, validator_.ToOutcome(*request));
        return reactor::Report{request->id(), request->run(), std::move(outcome), std::move(reply)};
      },
      [response](const reactor::Reported& result) {
        Translate(result.now, response->mutable_now());
        response->set_accepted(result.result.accepted);
        if (result.result.end) {
          response->set_end(ToEnd(*result.result.end));
        }
        if (result.result.next_deadline) {
          Translate(*result.result.next_deadline, response->mutable_next_deadline());
        }
      });
}

grpc::ServerUnaryReactor* TimersService::Reschedule(grpc::CallbackServerContext* context,
                                                    const v1::RescheduleRequest* request,
                                                    v1::RescheduleResponse* response) {
  return Ask<reactor::Moved>(
      context, *request,
      [this, request](auto reply) -> absl::StatusOr<reactor::Reschedule> {
        TIMERD_ASSIGN_OR_RETURN(auto move, validator_.ToMove(*request, UnixNow()));
        return reactor::Reschedule{request->id(), move, std::move(reply)};
      },
      [response](const reactor::Moved& result) {
        Translate(result.now, response->mutable_now());
        Translate(result.result.old_deadline, response->mutable_old_deadline());
        Translate(result.result.deadline, response->mutable_deadline());
      });
}

grpc::ServerUnaryReactor* TimersService::Get(grpc::CallbackServerContext* context,
                                             const v1::GetRequest* request,
                                             v1::GetResponse* response) {
  return Ask<reactor::Got>(
      context, *request,
      [request](auto reply) {
        return absl::StatusOr<reactor::Get>({request->id(), std::move(reply)});
      },
      [response](const reactor::Got& result) {
        Translate(result.now, response->mutable_now());
        Translate(result.handle, response->mutable_handle());
      });
}

grpc::ServerUnaryReactor* TimersService::List(grpc::CallbackServerContext* context,
                                              const v1::ListRequest* request,
                                              v1::ListResponse* response) {
  grpc::ServerUnaryReactor* const call = context->DefaultReactor();
  reactor::ListFilter filter;
  PageStart start;
  const absl::Status status = [&]() -> absl::Status {
    TIMERD_RETURN_IF_ERROR(Admit(*request));
    TIMERD_RETURN_IF_ERROR(
        CheckFilter("state", request->state(), v1::State_IsValid(request->state()), &filter.phase));
    TIMERD_RETURN_IF_ERROR(
        CheckFilter("kind", request->kind(), v1::Kind_IsValid(request->kind()), &filter.kind));
    if (!request->id_prefix().empty()) {
      TIMERD_RETURN_IF_ERROR(validator_.CheckId("id_prefix", request->id_prefix()));
      filter.prefix = request->id_prefix();
    }
    if (request->page_size() < 0) {
      return Refuse(
          Reason::kInvalidField,
          absl::StrCat("List: page_size ", request->page_size(), " is negative; use 1 to ",
                       kMaxPageSize, ", or 0 for ", kDefaultPageSize),
          "page_size");
    }
    TIMERD_ASSIGN_OR_RETURN(start, FromPageToken(request->page_token(), filter));
    return absl::OkStatus();
  }();
  if (!status.ok()) {
    Finish<v1::ListRequest>(call, status);
    return call;
  }
  const size_t rows = request->page_size() == 0
                          ? kDefaultPageSize
                          : std::min<size_t>(request->page_size(), kMaxPageSize);
  const auto& shards = router_.all();
  auto gathered = std::make_shared<ListCall>(
      filter, shards.size(), rows,
      [this, call](const absl::Status& end) { Finish<v1::ListRequest>(call, end); }, response);
  for (uint32_t i = 0; i < shards.size(); ++i) {
    shards[i].reactor->Post(
        reactor::List{.filter = filter,
                      .after = CursorOf(start, i),
                      .max_rows = rows,
                      .reply = [gathered, i](absl::StatusOr<reactor::Listed> listed) {
                        gathered->OnPage(i, std::move(listed));
                      }});
  }
  return call;
}

}  // namespace timerd::service
