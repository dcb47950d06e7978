// From requests to commands.
#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/status.h"
#include "server/reactor/command.h"
#include "server/service/validation.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::service {

// The key of the handle that a request is for: in namespace `name_space`, with the id that it names
// or, where it creates a handle and names none, a new one.
absl::StatusOr<std::string> ToKey(const Validator& validator, absl::string_view name_space,
                                  absl::string_view id);
absl::StatusOr<std::string> ToKey(const Validator& validator, absl::string_view name_space,
                                  const v1::ScheduleRequest& request);
absl::StatusOr<std::string> ToKey(const Validator& validator, absl::string_view name_space,
                                  const v1::StartLoopRequest& request);
absl::StatusOr<std::string> ToKey(const Validator& validator, absl::string_view name_space,
                                  const v1::WithTimeoutRequest& request);
template <typename Request>
absl::StatusOr<std::string> ToKey(const Validator& validator, absl::string_view name_space,
                                  const Request& request) {
  return ToKey(validator, name_space, absl::string_view(request.id()));
}

// The command that carries out a request on the handle `key`, all arguments checked.
using OpenedReply = reactor::Reply<reactor::Opened>;
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::ScheduleRequest& request, std::string key,
                                           OpenedReply reply);
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::StartLoopRequest& request, std::string key,
                                           OpenedReply reply);
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::WithTimeoutRequest& request, std::string key,
                                           OpenedReply reply);
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::WatchRequest& request, std::string key,
                                           OpenedReply reply);
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::CancelRequest& request, std::string key,
                                           reactor::Reply<reactor::Cancelled> reply);
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::StopLoopRequest& request, std::string key,
                                           reactor::Reply<reactor::Stopped> reply);
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::ReportRequest& request, std::string key,
                                           reactor::Reply<reactor::Reported> reply);
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::RescheduleRequest& request, std::string key,
                                           reactor::Reply<reactor::Moved> reply);
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::GetRequest& request, std::string key,
                                           reactor::Reply<reactor::Got> reply);

using SteeredReply = reactor::Reply<reactor::Steered>;
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::PauseLoopRequest& request, std::string key,
                                           SteeredReply reply);
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::ResumeLoopRequest& request, std::string key,
                                           SteeredReply reply);
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::ResetLoopRequest& request, std::string key,
                                           SteeredReply reply);
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::ChangeIntervalRequest& request,
                                           std::string key, SteeredReply reply);
absl::StatusOr<reactor::Command> ToCommand(const Validator& validator,
                                           const v1::TriggerLoopRequest& request, std::string key,
                                           SteeredReply reply);

}  // namespace timerd::service
