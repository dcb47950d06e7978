// Reset, Delay and Heartbeat: moving a deadline, also one whose firing is on its way here.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/src/from_now.h"
#include "client/src/handle_core.h"
#include "client/src/proto_time.h"

namespace timerd {
inline namespace client {
namespace {

absl::Duration Since(std::chrono::steady_clock::time_point time) {
  return absl::FromChrono(std::chrono::steady_clock::now() - time);
}

}  // namespace

Future<absl::StatusOr<absl::Time>> HandleCore::Move(absl::Duration amount, bool from_now) {
  Movement movement{amount, from_now, Steady::now(),
                    connection_->NewPromise<absl::StatusOr<absl::Time>>()};
  auto moved = movement.moved.future();
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (absl::Status over = OverLocked("move"); !over.ok()) {
    effects.Add([promise = movement.moved, over = std::move(over)] { promise.Set(over); });
    return moved;
  }
  moves_.push_back(std::move(movement));
  if (moves_.size() == 1) {
    AskToMoveLocked(effects);
  }
  return moved;
}

void HandleCore::AskToMoveLocked(Effects& effects) {
  WhenAcknowledgedLocked(effects, [self = shared_from_this(),
                                   movement = moves_.front()](const absl::Status& acknowledged) {
    if (!acknowledged.ok()) {
      self->OnMoved({acknowledged, {}});
      return;
    }
    v1::RescheduleRequest request;
    request.set_id(self->id());
    std::function<void(v1::RescheduleRequest&)> prepare;
    if (movement.from_now) {
      prepare = [from_now = FromNow(movement.amount)](v1::RescheduleRequest& again) mutable {
        *again.mutable_from_now() = ToProto(from_now.Left());
      };
    } else {
      *request.mutable_delay_by() = ToProto(movement.amount);
    }
    // A delay that was done twice would be wrong, so it is asked once.
    Ask<v1::RescheduleRequest, v1::RescheduleResponse>(
        self->connection_, &Connection::Api::Reschedule, request,
        [self](const MoveAnswer& answer) { self->OnMoved(answer); },
        movement.from_now ? Retry::kUntilAnswered : Retry::kNever, prepare);
  });
}

void HandleCore::OnMoved(const MoveAnswer& answer) {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (answer.status.ok()) {
    NoteTimeLocked(answer.response.now());
    deadline_ = FromProto(answer.response.deadline());
    FinishMoveLocked(effects, *deadline_);
    return;
  }
  const std::string end = DetailOf(answer.status, "end");
  const bool fired =
      ReasonOf(answer.status) == "ALREADY_CALLED" && (end.empty() || end == EndName(End::kFired));
  if (fired && begun_run_ == 0 && !cancelled_ && !ending_.has_value()) {
    RemakeLocked(effects);
  } else {
    FinishMoveLocked(effects, answer.status);
  }
}

void HandleCore::RemakeLocked(Effects& effects) {
  waiting_.reset();
  if (form_ == Form::kPlainTimer) {
    FollowRemadeLocked(effects);
    return;
  }
  // The old timer waits for a report that will never come: it is taken back first.
  remaking_ = true;
  v1::CancelRequest request;
  request.set_id(id_);
  effects.Add([self = shared_from_this(), request = std::move(request)] {
    Ask<v1::CancelRequest, v1::CancelResponse>(
        self->connection_, &Connection::Api::Cancel, request,
        [self](const Answer<v1::CancelResponse>& answer) {
          Effects later;
          std::lock_guard<std::mutex> relock(self->mutex_);
          const bool gone = answer.status.ok() || ReasonOf(answer.status) == "ALREADY_CANCELLED";
          self->remaking_ = false;
          if (gone && !self->cancelled_ && !self->ending_.has_value()) {
            self->FollowRemadeLocked(later);
            return;
          }
          // Its end was overheard while it was being cancelled: ask for it again.
          if (!self->ending_.has_value()) {
            later.Add([old = self->feed_] { old->Stop(); });
            v1::WatchRequest watch;
            watch.set_id(self->id_);
            self->FollowLocked(later, watch);
          }
          self->FinishMoveLocked(later, answer.status);
        });
  });
}

void HandleCore::FollowRemadeLocked(Effects& effects) {
  const Movement& movement = moves_.front();
  absl::Duration delay =
      movement.from_now ? movement.amount - Since(movement.asked) : movement.amount;
  if (!movement.from_now && deadline_.has_value() && server_now_.has_value()) {
    delay = *deadline_ + movement.amount - (*server_now_ + Since(server_now_at_));
  }
  auto& creation = std::get<v1::ScheduleRequest>(creation_);
  id_ = absl::StrCat(first_id_, "~", ++remade_);
  creation.set_id(id_);
  // What has this id was made by this client in an earlier life of its program: it is in nobody's
  // way.
  creation.set_replace(true);
  creation.set_idempotency_key(connection_->NewKey());
  *creation.mutable_delay() = ToProto(std::max(absl::ZeroDuration(), delay));
  exists_ = false;
  effects.Add([old = std::move(feed_)] { old->Stop(); });
  FollowLocked(effects, creation_);
  WhenAcknowledgedLocked(effects, [self = shared_from_this()](const absl::Status& acknowledged) {
    Effects later;
    std::lock_guard<std::mutex> relock(self->mutex_);
    if (acknowledged.ok() && self->deadline_.has_value()) {
      self->FinishMoveLocked(later, *self->deadline_);
    } else {
      self->FinishMoveLocked(later, acknowledged);
    }
  });
}

void HandleCore::FinishMoveLocked(Effects& effects, const absl::StatusOr<absl::Time>& moved) {
  effects.Add([promise = moves_.front().moved, moved] { promise.Set(moved); });
  moves_.pop_front();
  if (!moves_.empty()) {
    AskToMoveLocked(effects);
  } else if (waiting_.has_value()) {
    connection_->Post([self = shared_from_this()] { self->TryToRun(); });
  }
}

Future<absl::StatusOr<absl::Time>> HandleCore::Heartbeat(absl::Duration from_now) {
  auto moved = connection_->NewPromise<absl::StatusOr<absl::Time>>();
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  absl::Status over = OverLocked("move");
  if (ending_.has_value() || cancelled_) {
    effects.Add([moved, over = std::move(over)] { moved.Set(over); });
    return moved.future();
  }
  WhenAcknowledgedLocked(effects, [self = shared_from_this(), moved,
                                   from_now = FromNow(from_now)](const absl::Status& acknowledged) {
    if (!acknowledged.ok()) {
      moved.Set(acknowledged);
      return;
    }
    v1::RescheduleRequest request;
    request.set_id(self->id());
    Ask<v1::RescheduleRequest, v1::RescheduleResponse>(
        self->connection_, &Connection::Api::Reschedule, request,
        [self, moved](const MoveAnswer& answer) {
          if (!answer.status.ok()) {
            moved.Set(answer.status);
            return;
          }
          const absl::Time deadline = FromProto(answer.response.deadline());
          {
            std::lock_guard<std::mutex> relock(self->mutex_);
            self->deadline_ = deadline;
          }
          moved.Set(deadline);
        },
        Retry::kUntilAnswered,
        [from_now](v1::RescheduleRequest& again) mutable {
          *again.mutable_from_now() = ToProto(from_now.Left());
        });
  });
  return moved.future();
}

}  // namespace client
}  // namespace timerd
