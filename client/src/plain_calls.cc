// The plain calls of the client, which go through the submitter.
#include <utility>

#include "client/src/from_now.h"
#include "client/src/handle_core.h"
#include "client/src/proto_time.h"
#include "client/src/requests.h"
#include "client/src/submitter.h"
#include "timerd/client.h"

namespace timerd {
inline namespace client {
namespace {

using Result = Submitter::Result;

// Submits `call`; the future gets what `translate` makes of an answer that is OK.
template <typename T>
Future<absl::StatusOr<T>> Submit(Connection& connection, Submitter::Call call,
                                 T (*translate)(const v1::BatchResult&)) {
  const auto promise = connection.NewPromise<absl::StatusOr<T>>();
  auto future = promise.future();
  call.on_answer = [promise, translate](const Result& result) {
    if (result.status.ok()) {
      promise.Set(translate(result.response));
    } else {
      promise.Set(result.status);
    }
  };
  connection.submitter().Submit(std::move(call));
  return future;
}

Scheduled ToScheduled(const v1::BatchResult& result) {
  const v1::Acknowledgement& acknowledged = result.acknowledged();
  // A loop that ticks at once has no deadline by the time it is acknowledged.
  const auto& deadline = acknowledged.has_deadline() ? acknowledged.deadline() : acknowledged.now();
  return {acknowledged.id(), FromProto(acknowledged.now()), FromProto(deadline),
          acknowledged.existed(), acknowledged.generation()};
}

Future<absl::StatusOr<Scheduled>> SubmitSchedule(Connection& connection,
                                                 v1::ScheduleRequest request,
                                                 const std::string& chosen_id) {
  connection.Name(request, chosen_id);
  Submitter::Call call;
  call.id = chosen_id;  // of one that is made here nobody knows before the answer
  *call.item.mutable_schedule() = std::move(request);
  return Submit(connection, std::move(call), ToScheduled);
}

Future<absl::StatusOr<Scheduled>> SubmitLoop(Connection& connection, v1::StartLoopRequest request,
                                             const QueueDelivery& delivery,
                                             const std::string& chosen_id) {
  SetDelivery(delivery, request);
  connection.Name(request, chosen_id);
  Submitter::Call call;
  call.id = chosen_id;
  *call.item.mutable_start_loop() = std::move(request);
  return Submit(connection, std::move(call), ToScheduled);
}

Future<absl::StatusOr<absl::Time>> SubmitMove(Connection& connection, Submitter::Call call) {
  call.id = call.item.reschedule().id();
  return Submit<absl::Time>(connection, std::move(call), [](const v1::BatchResult& result) {
    return FromProto(result.reschedule().deadline());
  });
}

}  // namespace

Future<absl::StatusOr<Scheduled>> Client::Schedule(absl::Duration delay, ScheduleOptions options) {
  v1::ScheduleRequest request = ToRequest(options);
  *request.mutable_delay() = ToProto(delay);
  return SubmitSchedule(*connection_, std::move(request), options.id);
}

Future<absl::StatusOr<Scheduled>> Client::ScheduleAt(absl::Time at, ScheduleOptions options) {
  v1::ScheduleRequest request = ToRequest(options);
  *request.mutable_at() = ToProto(at);
  return SubmitSchedule(*connection_, std::move(request), options.id);
}

Future<absl::StatusOr<Scheduled>> Client::ScheduleLoop(absl::Duration interval,
                                                       QueueDelivery delivery,
                                                       LoopOptions options) {
  return SubmitLoop(*connection_, ToRequest(interval, options), delivery, options.id);
}

Future<absl::StatusOr<Scheduled>> Client::ScheduleLoop(Cron cron, QueueDelivery delivery,
                                                       LoopOptions options) {
  return SubmitLoop(*connection_, ToRequest(cron, options), delivery, options.id);
}

Future<absl::Status> Client::Cancel(std::string id) {
  const auto cancelled = connection_->NewPromise<absl::Status>();
  auto future = cancelled.future();
  Submitter::Call call;
  call.item.mutable_cancel()->set_id(id);
  call.id = std::move(id);
  call.on_answer = [cancelled](const Result& result) {
    // An earlier try may have done it, and its answer was lost.
    const bool was_done = result.tries > 1 && ReasonOf(result.status) == "ALREADY_CANCELLED";
    cancelled.Set(was_done ? absl::OkStatus() : result.status);
  };
  connection_->submitter().Submit(std::move(call));
  return future;
}

Future<absl::StatusOr<v1::ReportResponse>> Client::Report(std::string id, uint64_t run,
                                                          absl::StatusOr<std::string> outcome) {
  Submitter::Call call;
  v1::ReportRequest& request = *call.item.mutable_report();
  request.set_id(id);
  request.set_run(run);
  *request.mutable_outcome() = ToOutcome(outcome);
  call.id = std::move(id);
  return Submit<v1::ReportResponse>(*connection_, std::move(call),
                                    [](const v1::BatchResult& result) { return result.report(); });
}

Future<absl::StatusOr<absl::Time>> Client::Reschedule(std::string id, absl::Duration from_now) {
  Submitter::Call call;
  call.item.mutable_reschedule()->set_id(std::move(id));
  call.prepare = [left = FromNow(from_now)](v1::BatchItem& item) mutable {
    *item.mutable_reschedule()->mutable_from_now() = ToProto(left.Left());
  };
  return SubmitMove(*connection_, std::move(call));
}

Future<absl::StatusOr<absl::Time>> Client::RescheduleBy(std::string id, absl::Duration by) {
  Submitter::Call call;
  call.item.mutable_reschedule()->set_id(std::move(id));
  *call.item.mutable_reschedule()->mutable_delay_by() = ToProto(by);
  call.retry = Retry::kNever;  // moved twice would be wrong
  return SubmitMove(*connection_, std::move(call));
}

Future<absl::StatusOr<absl::Time>> Client::RescheduleTo(std::string id, absl::Time at) {
  Submitter::Call call;
  call.item.mutable_reschedule()->set_id(std::move(id));
  *call.item.mutable_reschedule()->mutable_at() = ToProto(at);
  return SubmitMove(*connection_, std::move(call));
}

}  // namespace client
}  // namespace timerd
