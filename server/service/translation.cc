#include "server/service/translation.h"

#include <string>

#include "server/base/handle_key.h"

namespace timerd::service {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

// seconds rounded down, nanos in [0, 1 s).
void Split(int64_t ns, google::protobuf::Timestamp* to) {
  int64_t seconds = ns / kNanosPerSecond;
  int64_t nanos = ns % kNanosPerSecond;
  if (nanos < 0) {
    --seconds;
    nanos += kNanosPerSecond;
  }
  to->set_seconds(seconds);
  to->set_nanos(static_cast<int32_t>(nanos));
}

v1::Event::Type ToApi(timer::EventType type) {
  return static_cast<v1::Event::Type>(static_cast<int>(type) + 1);
}

static_assert(static_cast<int>(timer::EventType::kCancelled) + 1 == v1::Event::TYPE_CANCELLED);
static_assert(static_cast<int>(timer::Kind::kTask) + 1 == v1::KIND_TASK);
static_assert(static_cast<int>(timer::Phase::kPaused) + 1 == v1::STATE_PAUSED);

}  // namespace

void Translate(Instant from, google::protobuf::Timestamp* to) { Split(ToNanos(from), to); }

void Translate(Span from, google::protobuf::Duration* to) {
  to->set_seconds(from.count() / kNanosPerSecond);
  to->set_nanos(static_cast<int32_t>(from.count() % kNanosPerSecond));
}

void Translate(const reactor::Opened& from, v1::Acknowledgement* to) {
  to->set_id(std::string(IdOf(from.key)));
  to->set_generation(from.generation);
  Translate(from.now, to->mutable_now());
  if (from.deadline) {
    Translate(*from.deadline, to->mutable_deadline());
  }
  to->set_existed(from.existed);
}

void Translate(const reactor::Notice& from, v1::Event* to) {
  const timer::Event& event = from.event;
  to->set_id(std::string(IdOf(from.key)));
  to->set_generation(from.generation);
  to->set_kind(ToApi(from.kind));
  to->set_type(ToApi(event.type));
  to->set_sequence(event.sequence);
  Translate(event.time, to->mutable_time());
  if (event.deadline) {
    Translate(*event.deadline, to->mutable_deadline());
  }
  to->set_run(event.run);
  to->set_payload(event.payload);
  to->set_count(event.count);
  to->set_missed(event.count > 0 ? event.count - 1 : 0);
  if (event.timeout) {
    Translate(*event.timeout, to->mutable_timeout());
  }
  to->set_by_timeout(event.by_timeout);
  to->set_redelivery(from.redelivery);
  to->set_reason(std::string(timer::EndReasonName(event.reason)));
  to->set_triggered(event.triggered);
  to->set_queue(from.queue);
  to->set_attempts(event.attempts);
  if (event.wall_deadline) {
    Split(*event.wall_deadline, to->mutable_wall_deadline());
  }
  to->set_queue(from.queue);
}

void Translate(const timer::LoopPolicy& from, v1::Loop* to) {
  if (from.cron != nullptr) {
    to->mutable_cron()->set_expression(from.cron->expression());
    to->mutable_cron()->set_time_zone(from.cron->time_zone());
  }
  to->set_pacing(static_cast<v1::Pacing>(static_cast<int>(from.pacing) + 1));
  v1::MissedTicks* const missed = to->mutable_missed_ticks();
  missed->set_policy(
      static_cast<v1::MissedTicks::Policy>(static_cast<int>(from.missed.policy) + 1));
  missed->set_max_runs(from.missed.max_runs);
  if (from.missed.window > Span::zero()) {
    Translate(from.missed.window, missed->mutable_window());
  }
  if (from.max_runs) {
    to->set_max_runs(*from.max_runs);
  }
  if (from.until) {
    Split(*from.until, to->mutable_until());
  }
  if (from.jitter > Span::zero()) {
    Translate(from.jitter, to->mutable_jitter());
  }
}

void Translate(const timer::RetryPolicy& from, v1::RetryPolicy* to) {
  if (from.initial_backoff > Span::zero()) {
    Translate(from.initial_backoff, to->mutable_initial_backoff());
  }
  to->set_factor(from.factor);
  if (from.max_backoff > Span::zero()) {
    Translate(from.max_backoff, to->mutable_max_backoff());
  }
  to->set_max_attempts(from.max_attempts);
}

void TranslateDelivery(const timer::Handle& from, v1::Delivery* to) {
  to->set_queue(from.spec.queue);
  to->set_stage(static_cast<v1::Delivery::Stage>(static_cast<int>(timer::StageOf(from)) + 1));
  to->set_attempts(from.delivery.attempts);
  if (from.delivery.due && !timer::WaitingKey(from)) {
    Translate(from.delivery.due->at, to->mutable_until());
  }
  if (from.spec.delivery->lease > Span::zero()) {
    Translate(from.spec.delivery->lease, to->mutable_lease());
  }
  if (from.spec.delivery->retry != timer::RetryPolicy()) {
    Translate(from.spec.delivery->retry, to->mutable_retry());
  }
}

void Translate(const timer::Handle& from, Span wall_ahead, v1::Handle* to) {
  const timer::Spec& spec = from.spec;
  to->set_id(std::string(IdOf(from.key)));
  to->set_namespace_(std::string(NamespaceOf(from.key)));
  to->set_generation(from.generation);
  to->set_kind(ToApi(spec.kind));
  to->set_state(ToApi(from.phase));
  to->set_reported(spec.reported);
  Translate(from.created, to->mutable_created());
  if (from.due) {
    Translate(from.due->ServiceTime(wall_ahead), to->mutable_deadline());
    if (from.due->timeline == Timeline::kWall) {
      Translate(from.due->at, to->mutable_wall_deadline());
    }
  }
  for (const timer::Timeout& timeout : from.timeouts) {
    v1::Handle::Timeout* added = to->add_timeouts();
    Translate(timeout.due.ServiceTime(wall_ahead), added->mutable_deadline());
    Translate(timeout.span, added->mutable_timeout());
  }
  to->set_run(from.run);
  to->set_sequence(from.sequence);
  to->set_payload(spec.payload);
  if (spec.client_lost_after > Span::zero()) {
    Translate(spec.client_lost_after, to->mutable_client_lost_after());
  }
  if (!spec.queue.empty()) {
    TranslateDelivery(from, to->mutable_delivery());
  }
  if (spec.kind == timer::Kind::kLoop) {
    Translate(*spec.loop, to->mutable_loop());
    to->mutable_loop()->set_paused(from.loop->paused);
    to->mutable_loop()->set_missed(from.loop->missed_ticks);
    if (spec.loop->cron == nullptr) {
      Translate(from.loop->interval, to->mutable_interval());
    }
  }
  if (from.last_firing) {
    Translate(from.last_firing->time, to->mutable_last_fired());
  } else if (from.end && from.end->type == timer::EventType::kFired) {
    Translate(from.end->time, to->mutable_last_fired());
  }
  if (from.end) {
    to->set_end(ToEnd(from.end->type));
    Translate(from.end->time, to->mutable_ended());
    to->set_end_payload(from.end->payload);
    to->set_by_timeout(from.end->by_timeout);
    to->set_end_reason(std::string(timer::EndReasonName(from.end->reason)));
  }
}

void Translate(const reactor::Cancelled& from, v1::CancelResponse* to) {
  Translate(from.now, to->mutable_now());
}

void Translate(const reactor::Stopped& from, v1::StopLoopResponse* to) {
  Translate(from.now, to->mutable_now());
  to->set_state(ToApi(from.phase));
}

void Translate(const reactor::Reported& from, v1::ReportResponse* to) {
  Translate(from.now, to->mutable_now());
  to->set_accepted(from.result.accepted);
  if (from.result.end) {
    to->set_end(ToEnd(*from.result.end));
  }
  if (from.result.next_deadline) {
    Translate(*from.result.next_deadline, to->mutable_next_deadline());
  }
}

void Translate(const reactor::Moved& from, v1::RescheduleResponse* to) {
  Translate(from.now, to->mutable_now());
  Translate(from.result.old_deadline, to->mutable_old_deadline());
  Translate(from.result.deadline, to->mutable_deadline());
}

void Translate(const reactor::Got& from, v1::GetResponse* to) {
  constexpr size_t kUpcoming = 10;
  Translate(from.now, to->mutable_now());
  Translate(from.handle, from.wall_ahead, to->mutable_handle());
  for (const Instant next : timer::Upcoming(from.handle, kUpcoming, from.now, from.wall_ahead)) {
    Translate(next, to->mutable_handle()->mutable_loop()->add_upcoming());
  }
}

namespace {

template <typename Response>
void TranslateSteered(const reactor::Steered& from, Response* to) {
  Translate(from.now, to->mutable_now());
  to->set_state(service::ToApi(from.phase));
  if (from.deadline) {
    Translate(*from.deadline, to->mutable_deadline());
  }
}

template <typename Response>
void TranslateAdvanced(const reactor::Advanced& from, Response* to) {
  Translate(from.now, to->mutable_now());
  to->set_fired(from.fired);
}

}  // namespace

void Translate(const reactor::Steered& from, v1::PauseLoopResponse* to) {
  TranslateSteered(from, to);
}
void Translate(const reactor::Steered& from, v1::ResumeLoopResponse* to) {
  TranslateSteered(from, to);
}
void Translate(const reactor::Steered& from, v1::ResetLoopResponse* to) {
  TranslateSteered(from, to);
}
void Translate(const reactor::Steered& from, v1::ChangeIntervalResponse* to) {
  TranslateSteered(from, to);
}

void Translate(const reactor::Steered& from, v1::TriggerLoopResponse* to) {
  Translate(from.now, to->mutable_now());
  to->set_state(ToApi(from.phase));
  to->set_run(from.run);
}

void Translate(const reactor::TimeRead& from, v1::NowResponse* to) {
  Translate(from.reading.now, to->mutable_now());
  Split(from.reading.unix_ns, to->mutable_wall());
  to->set_is_virtual(from.is_virtual);
}

void Translate(const reactor::Advanced& from, v1::AdvanceResponse* to) {
  TranslateAdvanced(from, to);
}
void Translate(const reactor::Advanced& from, v1::AdvanceToNextResponse* to) {
  TranslateAdvanced(from, to);
}

v1::Kind ToApi(timer::Kind kind) { return static_cast<v1::Kind>(static_cast<int>(kind) + 1); }

v1::State ToApi(timer::Phase phase) { return static_cast<v1::State>(static_cast<int>(phase) + 1); }

v1::End ToEnd(timer::EventType type) {
  switch (type) {
    case timer::EventType::kFired:
      return v1::END_FIRED;
    case timer::EventType::kCompleted:
      return v1::END_COMPLETED;
    case timer::EventType::kStopped:
      return v1::END_STOPPED;
    case timer::EventType::kFailed:
      return v1::END_FAILED;
    case timer::EventType::kCancelled:
      return v1::END_CANCELLED;
    case timer::EventType::kTimedOut:
      return v1::END_TIMED_OUT;
    case timer::EventType::kTick:
      break;
  }
  return v1::END_UNSPECIFIED;
}

}  // namespace timerd::service
