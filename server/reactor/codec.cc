#include "server/reactor/codec.h"

#include <google/protobuf/arena.h>

#include <array>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"

namespace timerd::reactor {
namespace {

namespace pb = storage::v1;

// A message that is made, serialized and made again: its parts lie in memory that is used again,
// which those of a message that is cleared do not.
template <typename Message>
class Scratch {
 public:
  Message& Clear() {
    arena_.Reset();
    return *google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }

 private:
  alignas(std::max_align_t) std::array<char, 4096> block_;
  google::protobuf::Arena arena_{block_.data(), block_.size()};
};

// The enums of the two floors have the same order; zero is "unspecified" on disk.
template <typename To, typename From>
To OnDisk(From value) {
  return static_cast<To>(static_cast<int>(value) + 1);
}
template <typename To, typename From>
To InMemory(From value) {
  return static_cast<To>(static_cast<int>(value) - 1);
}

void Put(const Deadline& from, pb::Deadline* to) {
  to->set_at_ns(ToNanos(from.at));
  to->set_place(from.place);
  to->set_timeline(static_cast<pb::Timeline>(from.timeline));
}

Deadline Take(const pb::Deadline& from) {
  return {InstantFromNanos(from.at_ns()), from.place(), static_cast<Timeline>(from.timeline())};
}

void Put(const timer::Outcome& from, pb::Outcome* to) {
  to->set_success(from.success);
  to->set_payload(from.payload);
}

timer::Outcome Take(const pb::Outcome& from) { return {from.success(), from.payload()}; }

void Put(const timer::Event& from, pb::Event* to) {
  to->set_type(OnDisk<pb::EventType>(from.type));
  to->set_sequence(from.sequence);
  to->set_time_ns(ToNanos(from.time));
  if (from.deadline) {
    to->set_deadline_ns(ToNanos(*from.deadline));
  }
  to->set_run(from.run);
  to->set_count(from.count);
  if (from.timeout) {
    to->set_timeout_ns(from.timeout->count());
  }
  to->set_by_timeout(from.by_timeout);
  to->set_payload(from.payload);
  if (from.reason != timer::EndReason::kNone) {
    to->set_reason(OnDisk<pb::EndReason>(from.reason));
  }
  to->set_triggered(from.triggered);
  if (from.wall_deadline) {
    to->set_wall_deadline_ns(*from.wall_deadline);
  }
  to->set_attempts(from.attempts);
}

timer::Event Take(const pb::Event& from) {
  timer::Event event;
  event.type = InMemory<timer::EventType>(from.type());
  event.sequence = from.sequence();
  event.time = InstantFromNanos(from.time_ns());
  if (from.has_deadline_ns()) {
    event.deadline = InstantFromNanos(from.deadline_ns());
  }
  event.run = from.run();
  event.count = from.count();
  if (from.has_timeout_ns()) {
    event.timeout = Span(from.timeout_ns());
  }
  event.by_timeout = from.by_timeout();
  event.payload = from.payload();
  if (from.reason() != pb::END_REASON_UNSPECIFIED) {
    event.reason = InMemory<timer::EndReason>(from.reason());
  }
  event.triggered = from.triggered();
  if (from.has_wall_deadline_ns()) {
    event.wall_deadline = from.wall_deadline_ns();
  }
  event.attempts = from.attempts();
  return event;
}

void Put(const timer::Timeout& from, pb::Timeout* to) {
  Put(from.reserved.value_or(from.due), to->mutable_due());
  to->set_timeout_ns(from.span.count());
  if (from.fallback) {
    Put(*from.fallback, to->mutable_fallback());
  }
  to->set_own(from.own);
  to->set_key(from.key);
}

timer::Timeout Take(const pb::Timeout& from) {
  timer::Timeout timeout{.due = Take(from.due()),
                         .span = Span(from.timeout_ns()),
                         .own = from.own(),
                         .key = from.key()};
  if (from.has_fallback()) {
    timeout.fallback = Take(from.fallback());
  }
  return timeout;
}

void Put(const timer::RetryPolicy& from, pb::RetryPolicy* to) {
  to->set_initial_backoff_ns(from.initial_backoff.count());
  to->set_factor(from.factor);
  to->set_max_backoff_ns(from.max_backoff.count());
  to->set_max_attempts(from.max_attempts);
}

timer::RetryPolicy Take(const pb::RetryPolicy& from) {
  return {Span(from.initial_backoff_ns()), from.factor(), Span(from.max_backoff_ns()),
          from.max_attempts()};
}

void Put(const timer::Delivery& from, pb::Delivery* to) {
  to->set_attempts(from.attempts);
  to->set_released(from.released);
  to->set_lease(from.lease);
  if (from.due) {
    Put(*from.due, to->mutable_due());
  }
}

timer::Delivery Take(const pb::Delivery& from) {
  timer::Delivery delivery{from.attempts(), from.released(), from.lease(), std::nullopt};
  if (from.has_due()) {
    delivery.due = Take(from.due());
  }
  return delivery;
}

void Put(const timer::LoopPolicy& from, pb::LoopPolicy* to) {
  if (from.cron != nullptr) {
    to->mutable_cron()->set_expression(from.cron->expression());
    to->mutable_cron()->set_time_zone(from.cron->time_zone());
  }
  to->set_pacing(OnDisk<pb::Pacing>(from.pacing));
  to->set_missed_policy(OnDisk<pb::MissedPolicy>(from.missed.policy));
  to->set_missed_max_runs(from.missed.max_runs);
  to->set_missed_window_ns(from.missed.window.count());
  if (from.max_runs) {
    to->set_max_runs(*from.max_runs);
  }
  if (from.until) {
    to->set_until_ns(*from.until);
  }
  to->set_jitter_ns(from.jitter.count());
}

absl::Status Take(const pb::LoopPolicy& from, timer::LoopPolicy& to) {
  if (from.has_cron()) {
    TIMERD_ASSIGN_OR_RETURN(
        to.cron, timer::CronSchedule::Parse(from.cron().expression(), from.cron().time_zone()));
  }
  to.pacing = InMemory<timer::Pacing>(from.pacing());
  to.missed = {InMemory<timer::MissedTicks::Policy>(from.missed_policy()), from.missed_max_runs(),
               Span(from.missed_window_ns())};
  if (from.has_max_runs()) {
    to.max_runs = from.max_runs();
  }
  if (from.has_until_ns()) {
    to.until = from.until_ns();
  }
  to.jitter = Span(from.jitter_ns());
  return absl::OkStatus();
}

absl::Status Take(const pb::Spec& from, timer::Handle& handle) {
  timer::Spec& spec = handle.spec;
  spec.kind = InMemory<timer::Kind>(from.kind());
  spec.reported = from.reported();
  spec.span = Span(from.span_ns());
  if (from.has_at_ns()) {
    spec.at = from.at_ns();
  }
  spec.start_now = from.start_now();
  spec.payload = from.payload();
  if (from.has_fallback()) {
    spec.fallback = Take(from.fallback());
  }
  handle.created = InstantFromNanos(from.created_ns());
  if (from.has_first_deadline_ns()) {
    handle.first_deadline = InstantFromNanos(from.first_deadline_ns());
  }
  spec.client_lost_after = Span(from.client_lost_after_ns());
  spec.idempotency_key = from.idempotency_key();
  handle.generation = from.generation();
  spec.queue = from.queue();
  spec.delivery = timer::DeliveryPolicy{Span(from.lease_ns()), Take(from.retry())};
  return from.has_loop() ? Take(from.loop(), spec.loop.Edit()) : absl::OkStatus();
}

void Take(const pb::State& from, timer::Handle& handle) {
  handle.phase = InMemory<timer::Phase>(from.phase());
  if (from.has_due()) {
    handle.due = Take(from.due());
  }
  for (const pb::Timeout& timeout : from.timeouts()) {
    handle.timeouts.push_back(Take(timeout));
  }
  if (from.has_lost()) {
    handle.lost = Take(from.lost());
  }
  if (from.has_retention()) {
    handle.retention = Take(from.retention());
  }
  handle.delivery = Take(from.delivery());
  handle.run = from.run();
  handle.sequence = from.sequence();
  handle.loop = timer::LoopState{.origin = InstantFromNanos(from.origin_ns()),
                                 .boundary = InstantFromNanos(from.boundary_ns()),
                                 .previous_tick = InstantFromNanos(from.previous_tick_ns()),
                                 .interval = Span(from.interval_ns()),
                                 .paused = from.paused(),
                                 .missed_ticks = from.missed_ticks()};
  handle.reported_run = from.reported_run();
  handle.reported_success = from.reported_success();
  if (from.has_last_firing()) {
    handle.last_firing = Take(from.last_firing());
  }
  if (from.has_end()) {
    handle.end = Take(from.end());
  }
}

absl::Status Unreadable(absl::string_view key) {
  return absl::DataLossError(absl::StrCat("handle \"", key,
                                          "\": what is stored of it cannot be read; restore the "
                                          "data directory from a backup"));
}

}  // namespace

std::string EncodeSpec(const timer::Handle& handle) {
  const timer::Spec& spec = handle.spec;
  thread_local Scratch<pb::Spec> scratch;
  pb::Spec& to = scratch.Clear();
  to.set_kind(OnDisk<pb::Kind>(spec.kind));
  to.set_reported(spec.reported);
  to.set_span_ns(spec.span.count());
  if (spec.at) {
    to.set_at_ns(*spec.at);
  }
  to.set_start_now(spec.start_now);
  to.set_payload(spec.payload);
  if (spec.fallback) {
    Put(*spec.fallback, to.mutable_fallback());
  }
  to.set_created_ns(ToNanos(handle.created));
  if (handle.first_deadline) {
    to.set_first_deadline_ns(ToNanos(*handle.first_deadline));
  }
  to.set_client_lost_after_ns(spec.client_lost_after.count());
  to.set_idempotency_key(spec.idempotency_key);
  to.set_generation(handle.generation);
  if (!spec.queue.empty()) {
    to.set_queue(spec.queue);
    to.set_lease_ns(spec.delivery->lease.count());
    Put(spec.delivery->retry, to.mutable_retry());
  }
  if (spec.kind == timer::Kind::kLoop) {
    Put(*spec.loop, to.mutable_loop());
  }
  return to.SerializeAsString();
}

std::string EncodeState(const timer::Handle& handle) {
  thread_local Scratch<pb::State> scratch;
  pb::State& to = scratch.Clear();
  to.set_phase(OnDisk<pb::Phase>(handle.phase));
  if (handle.due) {
    Put(*handle.due, to.mutable_due());
  }
  for (const timer::Timeout& timeout : handle.timeouts) {
    Put(timeout, to.add_timeouts());
  }
  if (handle.lost) {
    Put(*handle.lost, to.mutable_lost());
  }
  if (handle.retention) {
    Put(*handle.retention, to.mutable_retention());
  }
  if (!handle.spec.queue.empty()) {
    Put(handle.delivery, to.mutable_delivery());
  }
  to.set_run(handle.run);
  to.set_sequence(handle.sequence);
  to.set_origin_ns(ToNanos(handle.loop->origin));
  to.set_previous_tick_ns(ToNanos(handle.loop->previous_tick));
  to.set_interval_ns(handle.loop->interval.count());
  to.set_boundary_ns(ToNanos(handle.loop->boundary));
  to.set_paused(handle.loop->paused);
  to.set_missed_ticks(handle.loop->missed_ticks);
  to.set_reported_run(handle.reported_run);
  to.set_reported_success(handle.reported_success);
  if (handle.last_firing) {
    Put(*handle.last_firing, to.mutable_last_firing());
  }
  if (handle.end) {
    Put(*handle.end, to.mutable_end());
  }
  return to.SerializeAsString();
}

absl::StatusOr<timer::Handle> DecodeSpec(absl::string_view key, absl::string_view spec) {
  pb::Spec message;
  if (!message.ParseFromArray(spec.data(), static_cast<int>(spec.size())) ||
      message.kind() == pb::KIND_UNSPECIFIED) {
    return Unreadable(key);
  }
  timer::Handle handle;
  handle.key = std::string(key);
  if (const absl::Status taken = Take(message, handle); !taken.ok()) {
    // It was accepted once: what has changed since are the machine's time zones.
    return absl::FailedPreconditionError(absl::StrCat(
        "handle \"", key, "\": its schedule is no longer understood: ", taken.message(),
        "; install the time zones (tzdata) that it was made with, "
        "and start again"));
  }
  return handle;
}

absl::StatusOr<timer::Handle> Decode(absl::string_view key, absl::string_view spec,
                                     absl::string_view state) {
  pb::State message;
  if (!message.ParseFromArray(state.data(), static_cast<int>(state.size())) ||
      message.phase() == pb::PHASE_UNSPECIFIED ||
      (message.phase() == pb::PHASE_ENDED) != message.has_end()) {
    return Unreadable(key);
  }
  TIMERD_ASSIGN_OR_RETURN(timer::Handle handle, DecodeSpec(key, spec));
  Take(message, handle);
  return handle;
}

void EncodeEvent(const timer::Event& event, pb::Event* to) { Put(event, to); }

timer::Event DecodeEvent(const pb::Event& from) { return Take(from); }

}  // namespace timerd::reactor
