#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/duration.h"
#include "client/cli/human.h"
#include "client/cli/names.h"
#include "client/cli/rpc_error.h"
#include "client/cli/time_text.h"

namespace timerd::cli {
namespace {

// The server begins the message with "items[2]: ". Whoever asks knows the item by another name.
v1::StatusDetails WithoutPlace(v1::StatusDetails error) {
  const size_t end = error.message().find("]: ");
  if (absl::StartsWith(error.message(), "items[") && end != std::string::npos) {
    error.mutable_message()->erase(0, end + 3);
  }
  return error;
}

}  // namespace

std::string HumanText::When(const google::protobuf::Timestamp& time,
                            const google::protobuf::Timestamp& now) const {
  return absl::StrCat(LocalTime(time, zone_), " (", Relative(time, now), ")");
}

std::string HumanText::Cancelled(absl::string_view id, const v1::CancelResponse& reply) const {
  return absl::StrCat(id, " cancelled at ", LocalTime(reply.now(), zone_), "\n");
}

std::string HumanText::Stopped(absl::string_view id, const v1::StopLoopResponse& reply) const {
  if (reply.state() == v1::STATE_STOPPING) {
    return absl::StrCat(id, " stops as soon as its run is reported\n");
  }
  return absl::StrCat(id, " stopped at ", LocalTime(reply.now(), zone_), "\n");
}

std::string HumanText::Reported(const v1::ReportRequest& request,
                                const v1::ReportResponse& reply) const {
  const std::string run = absl::StrCat(request.id(), " run ", request.run());
  const bool ended = reply.end() != v1::END_UNSPECIFIED;
  if (!reply.accepted()) {
    return ended ? absl::StrCat(run, " not counted: it had ended in ", EndName(reply.end()),
                                " before\n")
                 : absl::StrCat(run, " not counted: it was reported before\n");
  }
  if (ended) {
    return absl::StrCat(run, " reported, which ended it in ", EndName(reply.end()), "\n");
  }
  if (!reply.has_next_deadline()) {
    return absl::StrCat(run, " reported\n");
  }
  return absl::StrCat(run, " reported, next tick ", When(reply.next_deadline(), reply.now()), "\n");
}

std::string HumanText::Rescheduled(absl::string_view id,
                                   const v1::RescheduleResponse& reply) const {
  const absl::Duration moved = ToTime(reply.deadline()) - ToTime(reply.old_deadline());
  const std::string by =
      moved == absl::ZeroDuration()
          ? "where it was"
          : absl::StrCat(RoughSpan(moved), moved > absl::ZeroDuration() ? " later than it was"
                                                                        : " earlier than it was");
  return absl::StrCat(id, " is now due ", When(reply.deadline(), reply.now()), ", ", by, "\n");
}

std::string HumanText::Paused(absl::string_view id, const v1::PauseLoopResponse& reply) const {
  if (reply.state() == v1::STATE_RUNNING) {
    return absl::StrCat(id, " pauses as soon as its run is reported\n");
  }
  return absl::StrCat(id, " paused at ", LocalTime(reply.now(), zone_), "\n");
}

std::string HumanText::Resumed(absl::string_view id, const v1::ResumeLoopResponse& reply) const {
  if (!reply.has_deadline()) {
    return absl::StrCat(id, " goes on as soon as its run is reported\n");
  }
  return absl::StrCat(id, " goes on, next tick ", When(reply.deadline(), reply.now()), "\n");
}

std::string HumanText::WasReset(absl::string_view id, const v1::ResetLoopResponse& reply) const {
  if (reply.state() == v1::STATE_PAUSED) {
    return absl::StrCat(id, " is as it was: a reset does nothing to a paused loop\n");
  }
  if (!reply.has_deadline()) {
    return absl::StrCat(id, " is as it was: a reset does nothing during a run\n");
  }
  return absl::StrCat(id, " begins anew, next tick ", When(reply.deadline(), reply.now()), "\n");
}

std::string HumanText::IntervalChanged(const v1::ChangeIntervalRequest& request,
                                       const v1::ChangeIntervalResponse& reply) const {
  const std::string ticks =
      absl::StrCat(request.id(), " ticks every ", FormatDuration(request.interval()));
  if (reply.state() == v1::STATE_PAUSED) {
    return absl::StrCat(ticks, " once it is resumed\n");
  }
  if (!reply.has_deadline()) {
    return absl::StrCat(ticks, " once its run is reported\n");
  }
  return absl::StrCat(ticks, " from now on, next tick ", When(reply.deadline(), reply.now()), "\n");
}

std::string HumanText::Triggered(absl::string_view id, const v1::TriggerLoopResponse& reply) const {
  return absl::StrCat(id, " ticked at ", LocalTime(reply.now(), zone_), ": run ", reply.run(),
                      reply.state() == v1::STATE_ENDED ? ", which was its last" : "", "\n");
}

std::string HumanText::Result(const v1::BatchItem& item, const v1::BatchResult& result) const {
  switch (result.result_case()) {
    case v1::BatchResult::kError:
      return absl::StrCat(Described(ToStatus(WithoutPlace(result.error()))), "\n");
    case v1::BatchResult::kAcknowledged:
      return Acknowledged(item.has_schedule()     ? WordingOf(item.schedule())
                          : item.has_start_loop() ? WordingOf(item.start_loop())
                                                  : WordingOf(item.with_timeout()),
                          result.acknowledged());
    case v1::BatchResult::kCancel:
      return Cancelled(item.cancel().id(), result.cancel());
    case v1::BatchResult::kStopLoop:
      return Stopped(item.stop_loop().id(), result.stop_loop());
    case v1::BatchResult::kReport:
      return Reported(item.report(), result.report());
    case v1::BatchResult::kReschedule:
      return Rescheduled(item.reschedule().id(), result.reschedule());
    case v1::BatchResult::RESULT_NOT_SET:
      break;
  }
  return "answered in a way that this timerctl does not know\n";
}

}  // namespace timerd::cli
