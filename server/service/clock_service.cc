#include "server/service/clock_service.h"

#include <utility>

#include "server/base/status.h"
#include "server/service/status_mapping.h"
#include "server/service/stream_registry.h"
#include "server/service/translation.h"

namespace timerd::service {

template <typename Result, typename Request, typename Response, typename MakeCommand>
grpc::ServerUnaryReactor* ClockService::Ask(grpc::CallbackServerContext* context,
                                            const Request& request, Response* response,
                                            MakeCommand make_command) {
  grpc::ServerUnaryReactor* const call = context->DefaultReactor();
  const auto finish = [this, call](const absl::Status& status) {
    calls_.Count<Request>(status);
    call->Finish(ToGrpc(status));
  };
  const absl::Status posted = [&]() -> absl::Status {
    if (draining_.load()) {
      return ShuttingDown();
    }
    TIMERD_ASSIGN_OR_RETURN(const std::string name, Validator::ToNamespace(request.namespace_()));
    reactor::Reply<Result> reply = [finish, response](const absl::StatusOr<Result>& result) {
      if (result.ok()) {
        Translate(*result, response);
      }
      finish(result.status());
    };
    TIMERD_ASSIGN_OR_RETURN(reactor::Command command, make_command(std::move(reply)));
    TIMERD_ASSIGN_OR_RETURN(const std::vector<ShardPort> shards, router_.AllOf(name));
    shards.front().port->Post(std::move(command));
    return absl::OkStatus();
  }();
  if (!posted.ok()) {
    finish(posted);
  }
  return call;
}

grpc::ServerUnaryReactor* ClockService::Now(grpc::CallbackServerContext* context,
                                            const v1::NowRequest* request,
                                            v1::NowResponse* response) {
  return Ask<reactor::TimeRead>(context, *request, response,
                                [](auto reply) -> absl::StatusOr<reactor::Command> {
                                  return reactor::ReadTime{std::move(reply)};
                                });
}

grpc::ServerUnaryReactor* ClockService::Advance(grpc::CallbackServerContext* context,
                                                const v1::AdvanceRequest* request,
                                                v1::AdvanceResponse* response) {
  return Ask<reactor::Advanced>(context, *request, response,
                                [&](auto reply) -> absl::StatusOr<reactor::Command> {
                                  TIMERD_ASSIGN_OR_RETURN(auto way, validator_.ToWay(*request));
                                  return reactor::Advance{way, std::move(reply)};
                                });
}

grpc::ServerUnaryReactor* ClockService::AdvanceToNext(grpc::CallbackServerContext* context,
                                                      const v1::AdvanceToNextRequest* request,
                                                      v1::AdvanceToNextResponse* response) {
  return Ask<reactor::Advanced>(context, *request, response,
                                [](auto reply) -> absl::StatusOr<reactor::Command> {
                                  return reactor::Advance{reactor::StepToNext{}, std::move(reply)};
                                });
}

}  // namespace timerd::service
