// Verbs about one handle that print one reply.
#include "client/cli/call.h"
#include "client/cli/requests.h"
#include "client/cli/session.h"
#include "client/cli/verbs.h"

namespace timerd::cli {
namespace {

template <typename Request>
Request WithId(const Arguments& arguments) {
  Request request;
  request.set_id(arguments.operand());
  return request;
}

}  // namespace

absl::StatusOr<int> Report(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::ReportRequest> request = MakeReportRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  return CallAndPrint(
      session, &v1::Timers::Stub::Report, *request,
      [&](const v1::ReportResponse& reply) { return session.human().Reported(*request, reply); });
}

absl::StatusOr<int> Reschedule(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::RescheduleRequest> request = MakeRescheduleRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  return CallAndPrint(session, &v1::Timers::Stub::Reschedule, *request,
                      [&](const v1::RescheduleResponse& reply) {
                        return session.human().Rescheduled(request->id(), reply);
                      });
}

absl::StatusOr<int> Cancel(const Arguments& arguments, Session& session) {
  return CallAndPrint(session, &v1::Timers::Stub::Cancel, WithId<v1::CancelRequest>(arguments),
                      [&](const v1::CancelResponse& reply) {
                        return session.human().Cancelled(arguments.operand(), reply);
                      });
}

absl::StatusOr<int> StopLoop(const Arguments& arguments, Session& session) {
  return CallAndPrint(session, &v1::Timers::Stub::StopLoop, WithId<v1::StopLoopRequest>(arguments),
                      [&](const v1::StopLoopResponse& reply) {
                        return session.human().Stopped(arguments.operand(), reply);
                      });
}

absl::StatusOr<int> PauseLoop(const Arguments& arguments, Session& session) {
  return CallAndPrint(session, &v1::Timers::Stub::PauseLoop,
                      WithId<v1::PauseLoopRequest>(arguments),
                      [&](const v1::PauseLoopResponse& reply) {
                        return session.human().Paused(arguments.operand(), reply);
                      });
}

absl::StatusOr<int> ResumeLoop(const Arguments& arguments, Session& session) {
  return CallAndPrint(session, &v1::Timers::Stub::ResumeLoop,
                      WithId<v1::ResumeLoopRequest>(arguments),
                      [&](const v1::ResumeLoopResponse& reply) {
                        return session.human().Resumed(arguments.operand(), reply);
                      });
}

absl::StatusOr<int> ResetLoop(const Arguments& arguments, Session& session) {
  return CallAndPrint(session, &v1::Timers::Stub::ResetLoop,
                      WithId<v1::ResetLoopRequest>(arguments),
                      [&](const v1::ResetLoopResponse& reply) {
                        return session.human().WasReset(arguments.operand(), reply);
                      });
}

absl::StatusOr<int> ChangeInterval(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::ChangeIntervalRequest> request = MakeChangeIntervalRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  return CallAndPrint(session, &v1::Timers::Stub::ChangeInterval, *request,
                      [&](const v1::ChangeIntervalResponse& reply) {
                        return session.human().IntervalChanged(*request, reply);
                      });
}

absl::StatusOr<int> TriggerLoop(const Arguments& arguments, Session& session) {
  return CallAndPrint(session, &v1::Timers::Stub::TriggerLoop,
                      WithId<v1::TriggerLoopRequest>(arguments),
                      [&](const v1::TriggerLoopResponse& reply) {
                        return session.human().Triggered(arguments.operand(), reply);
                      });
}

absl::StatusOr<int> Get(const Arguments& arguments, Session& session) {
  return CallAndPrint(session, &v1::Timers::Stub::Get, WithId<v1::GetRequest>(arguments),
                      [&](const v1::GetResponse& reply) { return session.human().Handle(reply); });
}

}  // namespace timerd::cli
