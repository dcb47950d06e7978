// What the holder of a handle asks for: cancel, stop, bound.
#include <utility>

#include "client/src/bound.h"
#include "client/src/handle_core.h"
#include "client/src/proto_time.h"

namespace timerd {
inline namespace client {

Future<absl::Status> HandleCore::Cancel() {
  auto cancelled = connection_->NewPromise<absl::Status>();
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  // A function that reports can be cancelled while it runs; one that does not has been called.
  absl::Status over = OverLocked("cancel");
  if (!over.ok() && (ending_.has_value() || cancelled_ || form_ == Form::kPlainTimer)) {
    effects.Add([cancelled, over = std::move(over)] { cancelled.Set(over); });
    return cancelled.future();
  }
  cancelled_ = true;
  waiting_.reset();
  effects.Add([self = shared_from_this()] { self->over_.Set(true); });
  // Asked before it exists, the handle would escape: so not before the acknowledgement.
  WhenAcknowledgedLocked(effects,
                         [self = shared_from_this(), cancelled](const absl::Status& acknowledged) {
                           if (!acknowledged.ok()) {
                             cancelled.Set(acknowledged);
                             return;
                           }
                           v1::CancelRequest request;
                           request.set_id(self->id());
                           Ask<v1::CancelRequest, v1::CancelResponse>(
                               self->connection_, &Connection::Api::Cancel, request,
                               [self, cancelled](const Answer<v1::CancelResponse>& answer) {
                                 self->OnCancelled(answer, cancelled);
                               });
                         });
  return cancelled.future();
}

void HandleCore::OnCancelled(const Answer<v1::CancelResponse>& answer,
                             const Promise<absl::Status>& cancelled) {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  absl::Status status = answer.status;
  Ending ending;
  ending.end = End::kCancelled;
  if (status.ok()) {
    ending.time = FromProto(answer.response.now());
    EndLocked(effects, std::move(ending));
  } else if (ReasonOf(status) == "ALREADY_CANCELLED") {
    if (answer.tries > 1 || remaking_) {
      status = absl::OkStatus();  // it was this very call that did it, and its reply was lost
    }
    EndLocked(effects, std::move(ending));
  } else if (form_ == Form::kPlainTimer && begun_run_ == 0 &&
             DetailOf(status, "end") == EndName(End::kFired)) {
    status = absl::OkStatus();  // it fired, but its function has not begun and never will
    EndLocked(effects, std::move(ending));
  } else if (status.code() == absl::StatusCode::kNotFound) {
    ending.end = End::kRefused;
    ending.status = status;
    EndLocked(effects, std::move(ending));
  }
  effects.Add([cancelled, status = std::move(status)] { cancelled.Set(status); });
  cancel_answered_ = true;
  ReportUnlessHeldLocked(effects);
}

Future<absl::Status> HandleCore::Stop() {
  auto stopped = connection_->NewPromise<absl::Status>();
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (absl::Status over = LoopOverLocked(); !over.ok()) {
    effects.Add([stopped, over = std::move(over)] { stopped.Set(over); });
  } else {
    StopLocked(effects, stopped);
  }
  return stopped.future();
}

void HandleCore::StopLocked(Effects& effects, const Promise<absl::Status>& stopped) {
  stopping_ = true;
  WhenAcknowledgedLocked(effects,
                         [self = shared_from_this(), stopped](const absl::Status& acknowledged) {
                           if (!acknowledged.ok()) {
                             stopped.Set(acknowledged);
                             return;
                           }
                           v1::StopLoopRequest request;
                           request.set_id(self->id());
                           Ask<v1::StopLoopRequest, v1::StopLoopResponse>(
                               self->connection_, &Connection::Api::StopLoop, request,
                               [self, stopped](const Answer<v1::StopLoopResponse>& answer) {
                                 self->OnStopped(answer, stopped);
                               });
                         });
}

void HandleCore::OnStopped(const Answer<v1::StopLoopResponse>& answer,
                           const Promise<absl::Status>& stopped) {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  stop_answered_ = true;
  absl::Status status = answer.status;
  if (answer.tries > 1 && ReasonOf(status) == "NOT_RUNNING") {
    status = absl::OkStatus();  // an earlier try did it, and its reply was lost
  }
  effects.Add([stopped, status = std::move(status)] { stopped.Set(status); });
  ReportUnlessHeldLocked(effects);
}

Future<absl::Status> HandleCore::AddTimeout(absl::Duration timeout, TimeoutOptions options) {
  auto armed = connection_->NewPromise<absl::Status>();
  v1::WithTimeoutRequest request;
  *request.mutable_timeout() = ToProto(timeout);
  request.set_detached(true);
  request.set_idempotency_key(connection_->NewKey());
  if (options.fallback.has_value()) {
    *request.mutable_fallback() = ToOutcome(*options.fallback);
  }
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (ending_.has_value()) {
    effects.Add([armed] { armed.Set(absl::OkStatus()); });
    return armed.future();
  }
  if (options.on_timeout != nullptr) {
    on_timeout_ = std::move(options.on_timeout);
  }
  WhenAcknowledgedLocked(effects, [self = shared_from_this(), armed,
                                   request](const absl::Status& acknowledged) mutable {
    if (!acknowledged.ok()) {
      armed.Set(acknowledged);
      return;
    }
    request.set_target_id(self->id());
    Bound(self->connection_, request, armed);
  });
  return armed.future();
}

}  // namespace client
}  // namespace timerd
