#include "client/src/handle_core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/src/proto_time.h"

namespace timerd {
inline namespace client {
namespace {

End EndOfType(v1::Event::Type type) {
  switch (type) {
    case v1::Event::TYPE_FIRED:
      return End::kFired;
    case v1::Event::TYPE_COMPLETED:
      return End::kCompleted;
    case v1::Event::TYPE_STOPPED:
      return End::kStopped;
    case v1::Event::TYPE_FAILED:
      return End::kFailed;
    case v1::Event::TYPE_CANCELLED:
      return End::kCancelled;
    case v1::Event::TYPE_TIMED_OUT:
      return End::kTimedOut;
    default:
      return End::kRefused;
  }
}

}  // namespace

Ending EndingOf(const v1::Event& event) {
  Ending ending;
  ending.end = EndOfType(event.type());
  ending.payload = event.payload();
  ending.by_timeout = event.by_timeout();
  ending.timeout = FromProto(event.timeout());
  if (event.has_time()) {
    ending.time = FromProto(event.time());
  }
  ending.run = event.run();
  ending.reason = event.reason();
  return ending;
}

HandleCore::HandleCore(std::shared_ptr<Connection> connection, HandlePlan plan)
    : connection_(std::move(connection)),
      form_(plan.form),
      first_id_(plan.id),
      plain_backlog_(plan.plain_backlog),
      function_(std::move(plan.function)),
      acknowledged_(connection_->NewPromise<absl::Status>()),
      done_(connection_->NewPromise<Ending>()),
      result_(connection_->NewPromise<absl::StatusOr<std::string>>()),
      over_(connection_->NewPromise<bool>()),
      id_(std::move(plan.id)),
      creation_(std::move(plan.creation)),
      on_timeout_(std::move(plan.on_timeout)) {}

void HandleCore::Start() {
  if (!connection_->Adopt(shared_from_this())) {
    Detach();
    return;
  }
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (!ending_.has_value()) {
    FollowLocked(effects, creation_);
  }
}

void HandleCore::Detach() {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  Ending ending;
  ending.end = End::kDetached;
  ending.status = ClosedStatus();
  EndLocked(effects, std::move(ending));
}

std::string HandleCore::id() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return id_;
}

bool HandleCore::active() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return !ending_.has_value() && !cancelled_ && !(form_ == Form::kPlainTimer && begun_run_ > 0);
}

std::optional<absl::Time> HandleCore::deadline() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return deadline_;
}

HandleCore::Progress HandleCore::progress() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return {id_, generation_, told_run_, ending_.has_value()};
}

void HandleCore::FollowLocked(Effects& effects, Creation creation) {
  told_run_ = 0;
  until_acknowledged_.emplace(connection_->activity());
  feed_ = std::make_shared<Feed>(connection_, id_, std::move(creation), weak_from_this());
  effects.Add([feed = feed_] { feed->Start(); });
}

void HandleCore::WhenAcknowledgedLocked(Effects& effects,
                                        std::function<void(const absl::Status&)> action) {
  if (exists_) {
    effects.Add([action = std::move(action)] { action(absl::OkStatus()); });
  } else {
    when_acknowledged_.push_back(std::move(action));
  }
}

void HandleCore::NoteTimeLocked(const google::protobuf::Timestamp& now) {
  server_now_ = FromProto(now);
  server_now_at_ = Steady::now();
}

void HandleCore::OnFeedAcknowledged(Feed* feed, const v1::Acknowledgement& acknowledgement) {
  const Activity::Scope until_taken_in(connection_->activity());
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (feed != feed_.get() || ending_.has_value()) {
    return;
  }
  until_acknowledged_.reset();
  generation_ = acknowledgement.generation();
  if (exists_) {
    return;
  }
  exists_ = true;
  if (!acknowledgement.existed()) {
    NoteTimeLocked(acknowledgement.now());
  }
  if (acknowledgement.has_deadline()) {
    deadline_ = FromProto(acknowledgement.deadline());
  }
  effects.Add([this] { acknowledged_.Set(absl::OkStatus()); });
  for (auto& action : when_acknowledged_) {
    effects.Add([action = std::move(action)] { action(absl::OkStatus()); });
  }
  when_acknowledged_.clear();
  if (form_ == Form::kTask) {
    v1::Event begin;
    begin.set_run(1);
    begin.set_redelivery(acknowledgement.existed());
    OnRunBegunLocked(effects, begin);
  }
}

void HandleCore::OnFeedEvent(Feed* feed, const v1::Event& event) {
  const Activity::Scope until_taken_in(connection_->activity());
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  const bool begins_a_run =
      event.type() == v1::Event::TYPE_FIRED || event.type() == v1::Event::TYPE_TICK;
  if (feed == feed_.get() && begins_a_run) {
    told_run_ = std::max(told_run_, event.run());
  }
  if (feed != feed_.get() || ending_.has_value() || remaking_) {
    return;
  }
  if (!event.redelivery()) {
    NoteTimeLocked(event.time());
  }
  if (!begins_a_run) {
    const bool waits_for_ticks =
        ticking_ && !event.by_timeout() &&
        (event.type() == v1::Event::TYPE_COMPLETED || event.type() == v1::Event::TYPE_STOPPED);
    if (waits_for_ticks) {
      end_after_ticks_ = EndingOf(event);
    } else {
      EndLocked(effects, EndingOf(event));
    }
    return;
  }
  if (event.has_deadline()) {
    deadline_ = FromProto(event.deadline());
  }
  if (form_ == Form::kPlainLoop) {
    OnPlainTickLocked(event);
  } else if (form_ != Form::kWatched) {
    OnRunBegunLocked(effects, event);
  } else if (event.type() == v1::Event::TYPE_FIRED) {
    waiting_ = event;  // the end, if the stream closes now
  }
}

void HandleCore::OnFeedEnd(Feed* feed, const absl::Status& status) {
  const Activity::Scope until_taken_in(connection_->activity());
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (feed != feed_.get() || ending_.has_value() || remaking_) {
    return;
  }
  Ending ending;
  if (!status.ok()) {
    ending.end = End::kRefused;
    ending.status = status;
  } else if (form_ == Form::kWatched && waiting_.has_value()) {
    ending = EndingOf(*waiting_);
    ending.payload.clear();
  } else {
    return;  // a plain timer: its end comes with its function's
  }
  EndLocked(effects, std::move(ending));
}

absl::Status HandleCore::OverLocked(const std::string& verb) const {
  if (ending_.has_value() && (ending_->end == End::kRefused || ending_->end == End::kDetached)) {
    return ending_->status;
  }
  const std::string subject = absl::StrCat("handle \"", id_, "\": cannot ", verb, ": ");
  if (cancelled_ || (ending_.has_value() && ending_->end == End::kCancelled)) {
    return Refusal("ALREADY_CANCELLED", absl::StrCat(subject, "it was cancelled already"));
  }
  if (ending_.has_value()) {
    const std::string end = EndName(ending_->end);
    return Refusal("ALREADY_CALLED", absl::StrCat(subject, "it has ended in ", end), end);
  }
  if ((form_ == Form::kPlainTimer || form_ == Form::kReportedTimer) && begun_run_ > 0) {
    return Refusal("ALREADY_CALLED", absl::StrCat(subject, "its function has begun"));
  }
  return absl::OkStatus();
}

void HandleCore::EndLocked(Effects& effects, Ending ending) {
  if (ending_.has_value()) {
    return;
  }
  ending_ = ending;
  until_acknowledged_.reset();
  waiting_.reset();
  deadline_.reset();
  const absl::Status status = ending.end == End::kRefused || ending.end == End::kDetached
                                  ? ending.status
                                  : OverLocked("go on");
  if (feed_ != nullptr) {
    effects.Add([feed = std::move(feed_)] { feed->Stop(); });
  }
  for (auto& action : when_acknowledged_) {
    effects.Add([action = std::move(action), status] { action(status); });
  }
  when_acknowledged_.clear();
  // Without an effect if it was acknowledged before.
  effects.Add([this, status] { acknowledged_.Set(status); });
  effects.Add([this] { over_.Set(true); });
  auto keep = [self = shared_from_this(), ending](absl::StatusOr<std::string> result) {
    self->result_.Set(std::move(result));
    self->done_.Set(ending);
  };
  if (ending.end == End::kTimedOut && on_timeout_ != nullptr) {
    effects.Add([connection = connection_, keep, ending, translate = std::move(on_timeout_)] {
      connection->Post([keep, ending, translate] { keep(translate(ending)); });
    });
  } else {
    effects.Add([keep, ending] { keep(ToStatusOr(ending)); });
  }
  effects.Add([this, connection = connection_] { connection->Release(this); });
}

}  // namespace client
}  // namespace timerd
