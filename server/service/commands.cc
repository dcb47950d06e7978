#include "server/service/commands.h"

#include "server/base/handle_key.h"
#include "server/service/generated_id.h"

namespace timerd::service {
namespace {

absl::StatusOr<std::string> ToKeyOrNew(const Validator& validator, absl::string_view name_space,
                                       absl::string_view id) {
  if (!id.empty()) {
    return ToKey(validator, name_space, id);
  }
  TIMERD_ASSIGN_OR_RETURN(const std::string name, Validator::ToNamespace(name_space));
  return HandleKey(name, GenerateId());
}

template <typename Request>
absl::StatusOr<reactor::Command> ToCreate(const Validator& validator, const Request& request,
                                          std::string key, OpenedReply reply) {
  TIMERD_ASSIGN_OR_RETURN(timer::Spec spec, validator.ToSpec(request));
  return reactor::Create{std::move(key), std::move(spec), request.replace(), std::move(reply),
                         /*is_new=*/request.id().empty()};
}

}  // namespace

absl::StatusOr<std::string> ToKey(const Validator& validator, absl::string_view name_space,
                                  absl::string_view id) {
  TIMERD_ASSIGN_OR_RETURN(const std::string name, Validator::ToNamespace(name_space));
  TIMERD_RETURN_IF_ERROR(validator.CheckId("id", id));
  return HandleKey(name, id);
}

absl::StatusOr<std::string> ToKey(const Validator& validator, absl::string_view name_space,
                                  const v1::ScheduleRequest& request) {
  return ToKeyOrNew(validator, name_space, request.id());
}

absl::StatusOr<std::string> ToKey(const Validator& validator, absl::string_view name_space,
                                  const v1::StartLoopRequest& request) {
  return ToKeyOrNew(validator, name_space, request.id());
}

absl::StatusOr<std::string> ToKey(const Validator& validator, absl::string_view name_space,
                                  const v1::WithTimeoutRequest& request) {
  if (request.target_id().empty()) {
    return ToKeyOrNew(validator, name_space, request.id());
  }
  TIMERD_ASSIGN_OR_RETURN(const std::string name, Validator::ToNamespace(name_space));
  TIMERD_RETURN_IF_ERROR(validator.CheckId("target_id", request.target_id()));
  return HandleKey(name, request.target_id());
}

absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::ScheduleRequest& request, std::string key,
                                           OpenedReply reply) {
  return ToCreate(validator, request, std::move(key), std::move(reply));
}

absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::StartLoopRequest& request, std::string key,
                                           OpenedReply reply) {
  return ToCreate(validator, request, std::move(key), std::move(reply));
}

absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::WithTimeoutRequest& request, std::string key,
                                           OpenedReply reply) {
  if (request.target_id().empty()) {
    return ToCreate(validator, request, std::move(key), std::move(reply));
  }
  TIMERD_ASSIGN_OR_RETURN(timer::Spec spec, validator.ToSpec(request));
  return reactor::Bound{std::move(key), spec.span, std::move(spec.fallback),
                        std::move(spec.idempotency_key), std::move(reply)};
}

absl::StatusOr<reactor::Command> ToCommand(const Validator&, const v1::WatchRequest& request,
                                           std::string key, OpenedReply reply) {
  return reactor::Watch{std::move(key), request.after_sequence(), std::move(reply)};
}

absl::StatusOr<reactor::Command> ToCommand(const Validator&, const v1::CancelRequest&,
                                           std::string key,
                                           reactor::Reply<reactor::Cancelled> reply) {
  return reactor::Cancel{std::move(key), std::move(reply)};
}

absl::StatusOr<reactor::Command> ToCommand(const Validator&, const v1::StopLoopRequest&,
                                           std::string key,
                                           reactor::Reply<reactor::Stopped> reply) {
  return reactor::StopLoop{std::move(key), std::move(reply)};
}

absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::ReportRequest& request, std::string key,
                                           reactor::Reply<reactor::Reported> reply) {
  TIMERD_ASSIGN_OR_RETURN(timer::Outcome outcome, validator.ToOutcome(request));
  return reactor::Report{std::move(key), request.run(), std::move(outcome), std::move(reply)};
}

absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::RescheduleRequest& request, std::string key,
                                           reactor::Reply<reactor::Moved> reply) {
  TIMERD_ASSIGN_OR_RETURN(const timer::Move move, validator.ToMove(request));
  return reactor::Reschedule{std::move(key), move, std::move(reply)};
}

absl::StatusOr<reactor::Command> ToCommand(const Validator&, const v1::GetRequest&, std::string key,
                                           reactor::Reply<reactor::Got> reply) {
  return reactor::Get{std::move(key), std::move(reply)};
}

absl::StatusOr<reactor::Command> ToCommand(const Validator&, const v1::PauseLoopRequest&,
                                           std::string key, SteeredReply reply) {
  return reactor::Steer{std::move(key), reactor::PauseLoop{}, std::move(reply)};
}

absl::StatusOr<reactor::Command> ToCommand(const Validator&, const v1::ResumeLoopRequest&,
                                           std::string key, SteeredReply reply) {
  return reactor::Steer{std::move(key), reactor::ResumeLoop{}, std::move(reply)};
}

absl::StatusOr<reactor::Command> ToCommand(const Validator&, const v1::ResetLoopRequest&,
                                           std::string key, SteeredReply reply) {
  return reactor::Steer{std::move(key), reactor::ResetLoop{}, std::move(reply)};
}

absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::ChangeIntervalRequest& request,
                                           std::string key, SteeredReply reply) {
  TIMERD_ASSIGN_OR_RETURN(const Span interval, validator.ToInterval(request));
  return reactor::Steer{std::move(key), reactor::ChangeInterval{interval}, std::move(reply)};
}

absl::StatusOr<reactor::Command> ToCommand(const Validator&, const v1::TriggerLoopRequest&,
                                           std::string key, SteeredReply reply) {
  return reactor::Steer{std::move(key), reactor::TriggerLoop{}, std::move(reply)};
}

}  // namespace timerd::service
