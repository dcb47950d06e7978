// What only loops can be asked for, and the runs of those that nobody reports.
#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/src/handle_core.h"
#include "client/src/proto_time.h"

namespace timerd {
inline namespace client {

template <typename Request, typename Response>
Future<absl::Status> HandleCore::AskOfLoop(LoopMethod<Request, Response> method, Request request,
                                           Retry retry, const std::string& reached) {
  auto done = connection_->NewPromise<absl::Status>();
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (absl::Status over = LoopOverLocked(); !over.ok()) {
    effects.Add([done, over = std::move(over)] { done.Set(over); });
    return done.future();
  }
  WhenAcknowledgedLocked(
      effects, [self = shared_from_this(), done, method, request = std::move(request), retry,
                reached](const absl::Status& acknowledged) mutable {
        if (!acknowledged.ok()) {
          done.Set(acknowledged);
          return;
        }
        request.set_id(self->id());
        Ask<Request, Response>(
            self->connection_, method, std::move(request),
            [self, done, reached](const Answer<Response>& answer) {
              if (answer.status.ok()) {
                std::lock_guard<std::mutex> relock(self->mutex_);
                self->NoteDeadlineLocked(answer.response);
              }
              // An earlier try may have done it, and its reply was lost.
              const bool was_done =
                  answer.tries > 1 && !reached.empty() && ReasonOf(answer.status) == reached;
              done.Set(was_done ? absl::OkStatus() : answer.status);
            },
            retry);
      });
  return done.future();
}

template <typename Response>
void HandleCore::NoteDeadlineLocked(const Response& response) {
  NoteTimeLocked(response.now());
  if constexpr (requires { response.has_deadline(); }) {
    deadline_.reset();
    if (response.has_deadline()) {
      deadline_ = FromProto(response.deadline());
    }
  }
}

absl::Status HandleCore::LoopOverLocked() const {
  absl::Status over = OverLocked("stop");
  if (stopping_ || over.code() == absl::StatusCode::kFailedPrecondition) {
    over = Refusal("NOT_RUNNING", absl::StrCat("loop \"", id_, "\": it is stopping or has ended"));
  }
  return over;
}

Future<absl::Status> HandleCore::Pause() {
  return AskOfLoop<v1::PauseLoopRequest, v1::PauseLoopResponse>(&Connection::Api::PauseLoop, {},
                                                                Retry::kUntilAnswered, "PAUSED");
}

Future<absl::Status> HandleCore::Resume() {
  return AskOfLoop<v1::ResumeLoopRequest, v1::ResumeLoopResponse>(
      &Connection::Api::ResumeLoop, {}, Retry::kUntilAnswered, "NOT_PAUSED");
}

Future<absl::Status> HandleCore::ResetLoop() {
  return AskOfLoop<v1::ResetLoopRequest, v1::ResetLoopResponse>(&Connection::Api::ResetLoop, {},
                                                                Retry::kUntilAnswered, "");
}

Future<absl::Status> HandleCore::ChangeInterval(absl::Duration interval) {
  v1::ChangeIntervalRequest request;
  *request.mutable_interval() = ToProto(interval);
  return AskOfLoop<v1::ChangeIntervalRequest, v1::ChangeIntervalResponse>(
      &Connection::Api::ChangeInterval, std::move(request), Retry::kUntilAnswered, "");
}

Future<absl::Status> HandleCore::Trigger() {
  // A run that was made twice would be wrong, so it is asked once.
  return AskOfLoop<v1::TriggerLoopRequest, v1::TriggerLoopResponse>(&Connection::Api::TriggerLoop,
                                                                    {}, Retry::kNever, "");
}

void HandleCore::OnPlainTickLocked(const v1::Event& event) {
  if (event.run() <= told_tick_) {
    return;
  }
  told_tick_ = event.run();
  ticks_.push_back(event);
  if (ticks_.size() > plain_backlog_) {
    // The oldest is told by the next, as a missed one.
    const uint64_t count = ticks_.front().count();
    ticks_.pop_front();
    v1::Event& next = ticks_.front();
    next.set_count(next.count() + count);
    next.set_missed(std::max<uint64_t>(next.count(), 1) - 1);
  }
  if (!ticking_) {
    ticking_ = true;
    connection_->Post([self = shared_from_this()] { self->RunPlainTick(); });
  }
}

bool HandleCore::MayTickLocked() const {
  return !ticks_.empty() && !ending_.has_value() && !cancelled_ && !stopping_;
}

void HandleCore::RunPlainTick() {
  std::optional<v1::Event> event;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (MayTickLocked()) {
      event = std::move(ticks_.front());
      ticks_.pop_front();
      begun_run_ = event->run();
    }
  }
  RunResult result{std::string()};
  if (event.has_value()) {
    try {
      result = function_(*event);
    } catch (const std::exception& exception) {
      result.outcome = absl::UnknownError(absl::StrCat("exception: ", exception.what()));
    }
  }
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  // There is nobody to report a failure to; what is sure is that there is no further run.
  if ((result.stop || !result.outcome.ok()) && !stopping_ && !ending_.has_value()) {
    StopLocked(effects, connection_->NewPromise<absl::Status>());
  }
  if (MayTickLocked()) {
    connection_->Post([self = shared_from_this()] { self->RunPlainTick(); });
    return;
  }
  ticking_ = false;
  ticks_.clear();
  if (end_after_ticks_.has_value()) {
    EndLocked(effects, *std::move(end_after_ticks_));
  }
}

}  // namespace client
}  // namespace timerd
