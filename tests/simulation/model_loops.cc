// Of Model: loops. Cron is answered minute by minute, for the few expressions that are used here.
#include <algorithm>

#include "server/base/check.h"
#include "server/base/status.h"
#include "tests/simulation/model.h"

namespace timerd::simulation {
namespace {

using timer::Event;
using timer::EventType;
using timer::Kind;
using timer::MissedTicks;
using timer::Pacing;
using timer::Phase;

constexpr int64_t kMinute = 60'000'000'000;

bool Matches(const std::string& expression, int64_t minute) {
  const int64_t of_hour = minute % 60;
  const int64_t hour = minute / 60 % 24;
  if (expression == "*/7 * * * *") {
    return of_hour % 7 == 0;
  }
  if (expression == "0 * * * *") {
    return of_hour == 0;
  }
  TIMERD_CHECK(expression == "30 2,14 * * *");
  return of_hour == 30 && (hour == 2 || hour == 14);
}

bool HasCron(const timer::Spec& spec) { return spec.loop->cron != nullptr; }

// The first boundary strictly after `t`.
Instant NextBoundary(const timer::Spec& spec, Instant origin, Instant t) {
  if (HasCron(spec)) {
    int64_t minute = ToNanos(t) / kMinute + 1;
    while (!Matches(spec.loop->cron->expression(), minute)) {
      ++minute;
    }
    return InstantFromNanos(minute * kMinute);
  }
  if (spec.span == Span::zero()) {
    return t;
  }
  return origin + ((t - origin) / spec.span + 1) * spec.span;
}

// Boundaries in (after, through].
uint64_t CountBoundaries(const timer::Spec& spec, Instant origin, Instant after, Instant through) {
  if (!HasCron(spec)) {
    // From one interval before the origin on, so that nothing is negative.
    const Instant begin = origin - spec.span;
    return static_cast<uint64_t>((through - begin) / spec.span - (after - begin) / spec.span);
  }
  uint64_t count = 0;
  for (int64_t minute = ToNanos(after) / kMinute + 1; minute <= ToNanos(through) / kMinute;
       ++minute) {
    count += Matches(spec.loop->cron->expression(), minute) ? 1 : 0;
  }
  return count;
}

}  // namespace

Instant Model::DomainNow(const Entry& entry, Instant now) const {
  return HasCron(entry.spec) ? now + ahead_ : now;
}

void Model::ArmBoundary(const std::string& id, Entry& entry, Instant boundary) {
  entry.phase = Phase::kPending;
  entry.boundary = boundary;
  Arm({.id = id, .at = boundary, .wall = HasCron(entry.spec)});
}

void Model::StartLoop(const std::string& id, Entry& entry, Instant now) {
  const timer::Spec& spec = entry.spec;
  entry.origin = entry.previous = DomainNow(entry, now);
  if (!spec.start_now) {
    ArmBoundary(id, entry,
                spec.loop->pacing == Pacing::kFixedDelay
                    ? entry.origin + spec.span
                    : NextBoundary(spec, entry.origin, entry.origin));
    entry.first_deadline = ServiceTime(ArmedOf(id, Role::kOwn)->second);
    return;
  }
  Event event = MakeEvent(entry, EventType::kTick, now);
  event.count = 1;
  BeginRun(id, entry, event);
  if (!spec.reported) {
    EndRun(id, entry, "", now);
  }
}

void Model::FireLoop(const std::string& id, Entry& entry, const Armed& armed, Instant now) {
  const timer::Spec& spec = entry.spec;
  const Instant here = DomainNow(entry, now);
  Armed due = armed;
  Instant stands_for = here;
  if (spec.loop->missed.policy == MissedTicks::Policy::kRunAll) {
    const uint64_t missed =
        1 + CountBoundaries(spec, entry.origin, entry.boundary, here);  // and this one
    for (uint64_t skip = missed; skip > spec.loop->missed.max_runs; --skip) {
      entry.boundary =
          HasCron(spec) ? NextBoundary(spec, entry.origin, entry.boundary)
                        : entry.boundary +
                              static_cast<int64_t>(skip - spec.loop->missed.max_runs) * spec.span;
      if (!HasCron(spec)) {
        break;
      }
    }
    stands_for = due.at = entry.boundary;
  }
  Event event = MakeEvent(entry, EventType::kTick, now);
  event.deadline = ServiceTime(due);
  if (due.wall) {
    event.wall_deadline = ToNanos(due.at);
  }
  const bool counts =
      spec.loop->pacing == Pacing::kFixedRate && (HasCron(spec) || spec.span > Span::zero());
  event.count = counts ? CountBoundaries(spec, entry.origin, entry.previous, stands_for) : 1;
  TIMERD_CHECK(event.count >= 1);
  entry.previous = stands_for;
  BeginRun(id, entry, event);
  if (!spec.reported) {
    EndRun(id, entry, "", now);
  }
}

void Model::EndRun(const std::string& id, Entry& entry, const std::string& payload, Instant now) {
  const timer::Spec& spec = entry.spec;
  ++version_;
  if (spec.loop->max_runs && entry.run >= *spec.loop->max_runs) {
    Event event = MakeEvent(entry, EventType::kCompleted, now);
    event.payload = payload;
    return End(id, entry, event, now);
  }
  entry.changed = version_;
  if (entry.paused) {
    entry.phase = Phase::kPaused;
    return;
  }
  const Instant here = DomainNow(entry, now);
  if (spec.loop->pacing == Pacing::kFixedDelay) {
    return ArmBoundary(id, entry, here + spec.span);
  }
  if (!HasCron(spec) && spec.span == Span::zero()) {
    return ArmBoundary(id, entry, here);
  }
  const Instant after_last = NextBoundary(spec, entry.origin, entry.previous);
  // The wall clock may have been set back: no boundary ticks twice.
  const Instant on_schedule =
      NextBoundary(spec, entry.origin, HasCron(spec) ? std::max(here, entry.previous) : here);
  switch (spec.loop->missed.policy) {
    case MissedTicks::Policy::kSkip:
      return ArmBoundary(id, entry, on_schedule);
    case MissedTicks::Policy::kRunOnce:
      return ArmBoundary(id, entry, after_last <= here ? here : on_schedule);
    case MissedTicks::Policy::kRunAll:
      return ArmBoundary(id, entry, after_last);
  }
}

absl::StatusOr<Model::Entry*> Model::FindLoop(const std::string& id, Instant now) {
  TIMERD_ASSIGN_OR_RETURN(Entry* const entry, Find(id, now));
  if (entry->spec.kind != Kind::kLoop) {
    return Refuse(Reason::kWrongKind, "");
  }
  return entry;
}

reactor::Steered Model::ToSteered(const std::string& id, const Entry& entry, Instant now) const {
  reactor::Steered steered{.now = now, .phase = entry.phase, .run = entry.run};
  if (const auto due = ArmedOf(id, Role::kOwn)) {
    steered.deadline = ServiceTime(due->second);
  }
  return steered;
}

absl::StatusOr<reactor::Steered> Model::Pause(const std::string& id, const clock::Reading& now) {
  TIMERD_ASSIGN_OR_RETURN(Entry* const entry, FindLoop(id, now.now));
  if (entry->phase == Phase::kStopping || entry->end) {
    return Refuse(Reason::kNotRunning, "");
  }
  if (entry->paused) {
    return Refuse(Reason::kPaused, "");
  }
  entry->changed = ++version_;
  entry->paused = true;
  if (entry->phase == Phase::kPending) {
    entry->phase = Phase::kPaused;
    Disarm(id, Role::kOwn);
  }
  return ToSteered(id, *entry, now.now);
}

absl::StatusOr<reactor::Steered> Model::Resume(const std::string& id, const clock::Reading& now) {
  TIMERD_ASSIGN_OR_RETURN(Entry* const entry, FindLoop(id, now.now));
  if (entry->phase == Phase::kStopping || entry->end) {
    return Refuse(Reason::kNotRunning, "");
  }
  if (!entry->paused) {
    return Refuse(Reason::kNotPaused, "");
  }
  entry->changed = ++version_;
  entry->paused = false;
  if (entry->phase == Phase::kPaused) {
    const timer::Spec& spec = entry->spec;
    const Instant here = DomainNow(*entry, now.now);
    ArmBoundary(id, *entry,
                spec.loop->pacing == Pacing::kFixedDelay
                    ? here + spec.span
                    : NextBoundary(spec, entry->origin,
                                   HasCron(spec) ? std::max(here, entry->previous) : here));
  }
  return ToSteered(id, *entry, now.now);
}

absl::StatusOr<reactor::Steered> Model::Trigger(const std::string& id, const clock::Reading& now) {
  TIMERD_ASSIGN_OR_RETURN(Entry* const entry, FindLoop(id, now.now));
  if (entry->end) {
    return Refuse(Reason::kNotRunning, "");
  }
  if (entry->phase == Phase::kRunning || entry->phase == Phase::kStopping) {
    return Refuse(Reason::kRunUnderWay, "");
  }
  ++version_;
  const Phase before = entry->phase;
  if (entry->spec.reported) {
    Disarm(id, Role::kOwn);
  }
  Event event = MakeEvent(*entry, EventType::kTick, now.now);
  event.triggered = true;
  BeginRun(id, *entry, event);
  entry->changed = version_;
  if (!entry->spec.reported) {
    if (entry->spec.loop->max_runs && entry->run >= *entry->spec.loop->max_runs) {
      End(id, *entry, MakeEvent(*entry, EventType::kCompleted, now.now), now.now);
    } else {
      entry->phase = before;
    }
  }
  return ToSteered(id, *entry, now.now);
}

}  // namespace timerd::simulation
