#include "server/timer/machine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/timer/recurrence.h"

namespace timerd::timer {
namespace {

Deadline Set(Instant at, Context& context) { return {at, context.next_place++}; }

// When the wall clock will show `unix_ns`, as it goes now. How far the wall clock is ahead of
// service time is rounded down to the tick: two clocks are never read at one moment, and an
// absolute time should come back as it was asked for.
Instant WhenWallShows(int64_t unix_ns, int64_t unix_now_ns, Instant now) {
  const Span tick = kTickDuration;
  Span ahead = Span(unix_now_ns - ToNanos(now));
  ahead -= (ahead % tick + tick) % tick;
  return InstantFromNanos(unix_ns) - ahead;
}

Event MakeEvent(Handle& handle, EventType type, const Context& context) {
  Event event;
  event.type = type;
  event.sequence = ++handle.sequence;
  event.time = context.now;
  event.run = handle.phase == Phase::kPending ? 0 : handle.run;
  return event;
}

// The only way into kEnded. From here on the handle has no deadline but that of its retention.
void End(Handle& handle, Event event, Context& context) {
  handle.phase = Phase::kEnded;
  handle.due.reset();
  handle.timeouts.clear();
  handle.retention = Set(context.now + context.limits.retention, context);
  handle.end = event;
  context.events.push_back(std::move(event));
}

void EndWithOutcome(Handle& handle, const Outcome& outcome, EventType success, Context& context) {
  Event event = MakeEvent(handle, outcome.success ? success : EventType::kFailed, context);
  event.payload = outcome.payload;
  End(handle, std::move(event), context);
}

// Begins the next run.
void BeginRun(Handle& handle, EventType type, std::optional<Instant> deadline, uint64_t count,
              Context& context) {
  ++handle.run;
  handle.phase = Phase::kRunning;
  handle.due.reset();
  Event event = MakeEvent(handle, type, context);
  event.deadline = deadline;
  event.count = count;
  handle.last_firing = event;
  context.events.push_back(std::move(event));
}

void Tick(Handle& handle, std::optional<Instant> deadline, Context& context) {
  const uint64_t count =
      TickCount(handle.origin, handle.interval, handle.previous_tick, context.now);
  handle.previous_tick = context.now;
  BeginRun(handle, EventType::kTick, deadline, count, context);
}

void ArmTimeout(Handle& handle, Timeout timeout, Context& context) {
  timeout.due = Set(timeout.due.at, context);
  const auto after = std::upper_bound(
      handle.timeouts.begin(), handle.timeouts.end(), timeout,
      [](const Timeout& a, const Timeout& b) { return a.due.key() < b.due.key(); });
  handle.timeouts.insert(after, std::move(timeout));
}

void FireTimeout(Handle& handle, Context& context) {
  const Timeout timeout = std::move(handle.timeouts.front());
  const std::optional<Outcome>& fallback = timeout.fallback;
  const EventType type = !fallback           ? EventType::kTimedOut
                         : fallback->success ? EventType::kCompleted
                                             : EventType::kFailed;
  Event event = MakeEvent(handle, type, context);
  event.deadline = timeout.due.at;
  event.timeout = timeout.span;
  if (fallback) {
    event.by_timeout = true;
    event.payload = fallback->payload;
  }
  End(handle, std::move(event), context);
}

absl::Status RefuseEnded(const Handle& handle) {
  const absl::string_view end = EventTypeName(handle.end->type);
  const std::string when = absl::FormatTime(
      "%Y-%m-%dT%H:%M:%SZ", absl::FromUnixNanos(ToNanos(handle.end->time)), absl::UTCTimeZone());
  if (handle.end->type == EventType::kCancelled) {
    return Refuse(Reason::kAlreadyCancelled,
                  absl::StrCat(Describe(handle), ": was cancelled already, at ", when));
  }
  return Refuse(Reason::kAlreadyCalled,
                absl::StrCat(Describe(handle), ": ended already in ", end, ", at ", when,
                             "; an end is final, create a new handle instead"),
                end);
}

absl::Status RefuseKind(const Handle& handle, absl::string_view call, absl::string_view rule) {
  return Refuse(Reason::kWrongKind, absl::StrCat(Describe(handle), ": ", call, " ", rule));
}

// How a report of a run that nobody waits for any more is answered: OK when it repeats what was
// reported or comes after the handle ended without it, an error when it contradicts.
absl::StatusOr<ReportResult> AnswerLateReport(const Handle& handle, uint64_t run,
                                              const Outcome& outcome) {
  ReportResult result;
  if (handle.end) {
    result.end = handle.end->type;
  }
  if (run > handle.reported_run) {
    return result;  // timed out or cancelled meanwhile: slow, not wrong
  }
  // Every run before the last one reported was a success, or the loop would be over.
  const bool success = run == handle.reported_run ? handle.reported_success : true;
  if (success != outcome.success) {
    return Refuse(Reason::kAlreadyReported,
                  absl::StrCat(Describe(handle), ": run ", run, " was reported already as a ",
                               success ? "success" : "failure", "; the first report counts"));
  }
  if (handle.due) {
    result.next_deadline = handle.due->at;
  }
  return result;
}

}  // namespace

Handle Create(std::string id, Spec spec, int64_t unix_now_ns, Context& context) {
  Handle handle;
  handle.id = std::move(id);
  handle.spec = std::move(spec);
  handle.created = context.now;
  switch (handle.spec.kind) {
    case Kind::kTimer: {
      handle.due = Set(handle.spec.at ? WhenWallShows(*handle.spec.at, unix_now_ns, context.now)
                                      : context.now + handle.spec.span,
                       context);
      handle.first_deadline = handle.due->at;
      break;
    }
    case Kind::kLoop:
      handle.origin = context.now;
      handle.interval = handle.spec.span;
      if (handle.spec.start_now) {
        handle.previous_tick = handle.origin - handle.interval;
        Tick(handle, std::nullopt, context);
      } else {
        handle.previous_tick = handle.origin;
        handle.due = Set(handle.origin + handle.interval, context);
        handle.first_deadline = handle.due->at;
      }
      break;
    case Kind::kTask:
      handle.phase = Phase::kRunning;
      handle.run = 1;
      handle.first_deadline = context.now + handle.spec.span;
      ArmTimeout(handle,
                 {.due = {*handle.first_deadline, 0},
                  .span = handle.spec.span,
                  .fallback = handle.spec.fallback,
                  .own = true},
                 context);
      break;
  }
  return handle;
}

std::optional<std::string> FindDifference(const Handle& handle, const Spec& spec) {
  const Spec& own = handle.spec;
  if (own.kind != spec.kind) {
    return "kind";
  }
  if (own.at != spec.at) {
    return "at";
  }
  if (own.span != spec.span) {
    return own.kind == Kind::kTimer ? "delay" : own.kind == Kind::kLoop ? "interval" : "timeout";
  }
  if (own.reported != spec.reported) {
    return "reported";
  }
  if (own.start_now != spec.start_now) {
    return "start_now";
  }
  if (own.payload != spec.payload) {
    return "payload";
  }
  if (own.fallback != spec.fallback) {
    return "fallback";
  }
  return std::nullopt;
}

absl::Status Cancel(Handle& handle, Context& context) {
  if (handle.phase == Phase::kEnded) {
    return RefuseEnded(handle);
  }
  End(handle, MakeEvent(handle, EventType::kCancelled, context), context);
  return absl::OkStatus();
}

absl::StatusOr<Phase> Stop(Handle& handle, Context& context) {
  if (handle.spec.kind != Kind::kLoop) {
    return RefuseKind(handle, "StopLoop", "is for loops; use Cancel");
  }
  switch (handle.phase) {
    case Phase::kPending:
      End(handle, MakeEvent(handle, EventType::kStopped, context), context);
      return Phase::kEnded;
    case Phase::kRunning:
      handle.phase = Phase::kStopping;
      return Phase::kStopping;
    case Phase::kStopping:
      return Refuse(Reason::kNotRunning,
                    absl::StrCat(Describe(handle), ": is stopping already; the report of run ",
                                 handle.run, " will end it"));
    case Phase::kEnded:
      break;
  }
  return Refuse(Reason::kNotRunning, absl::StrCat(Describe(handle), ": ended already in ",
                                                  EventTypeName(handle.end->type)));
}

absl::StatusOr<ReportResult> Report(Handle& handle, uint64_t run, const Outcome& outcome,
                                    Context& context) {
  if (!handle.spec.reported) {
    return RefuseKind(handle, "Report",
                      "is for timers made with reported=true; firing ended this one");
  }
  if (run > handle.run) {
    return Refuse(
        Reason::kNotFired,
        absl::StrCat(Describe(handle), ": run ", run, " has not begun; ",
                     handle.run == 0 ? "none has" : absl::StrCat("the last is run ", handle.run)));
  }
  const bool awaited = handle.phase == Phase::kRunning || handle.phase == Phase::kStopping;
  if (!awaited || run != handle.run) {
    return AnswerLateReport(handle, run, outcome);
  }
  handle.reported_run = run;
  handle.reported_success = outcome.success;
  if (handle.spec.kind != Kind::kLoop) {
    EndWithOutcome(handle, outcome, EventType::kCompleted, context);
  } else if (!outcome.success || handle.phase == Phase::kStopping) {
    EndWithOutcome(handle, outcome, EventType::kStopped, context);
  } else {
    handle.phase = Phase::kPending;
    handle.due = Set(NextBoundary(handle.origin, handle.interval, context.now), context);
    return ReportResult{.accepted = true, .next_deadline = handle.due->at};
  }
  return ReportResult{.accepted = true, .end = handle.end->type};
}

absl::StatusOr<MoveResult> Reschedule(Handle& handle, const Move& move, Context& context) {
  if (handle.spec.kind == Kind::kLoop) {
    return RefuseKind(handle, "Reschedule", "is for timers and tasks; a loop keeps its interval");
  }
  if (handle.phase == Phase::kEnded) {
    return RefuseEnded(handle);
  }
  if (handle.spec.kind == Kind::kTimer && handle.phase != Phase::kPending) {
    return Refuse(Reason::kAlreadyCalled, absl::StrCat(Describe(handle),
                                                       ": has fired already and is running; only a "
                                                       "pending timer can be moved"));
  }
  const auto own = std::find_if(handle.timeouts.begin(), handle.timeouts.end(),
                                [](const Timeout& timeout) { return timeout.own; });
  const Instant old_deadline = handle.due ? handle.due->at : own->due.at;
  Instant deadline;
  if (const auto* from_now = std::get_if<FromNow>(&move)) {
    deadline = context.now + from_now->delay;
  } else if (const auto* delay_by = std::get_if<DelayBy>(&move)) {
    // Moved back again and again it stops at 1970, as far as the order goes back, and never wraps.
    deadline = delay_by->delay < Instant() - old_deadline ? std::min(old_deadline, Instant())
                                                          : old_deadline + delay_by->delay;
  } else {
    const auto& to = std::get<MoveTo>(move);
    deadline = WhenWallShows(to.unix_ns, to.unix_now_ns, context.now);
  }
  if (deadline - context.now > context.limits.max_delay) {
    return ByLimit(
        "max-delay",
        Refuse(Reason::kInvalidField,
               absl::StrCat(Describe(handle), ": the new deadline lies ",
                            absl::FormatDuration(absl::FromChrono(deadline - context.now)),
                            " ahead, above --max-delay=",
                            absl::FormatDuration(absl::FromChrono(context.limits.max_delay)),
                            "; use an earlier one"),
               "delay_by"));
  }
  if (handle.spec.kind == Kind::kTimer) {
    handle.due = Set(deadline, context);
  } else {
    Timeout moved = std::move(*own);
    handle.timeouts.erase(own);
    moved.due.at = deadline;
    if (!std::holds_alternative<DelayBy>(move)) {
      moved.span = deadline - context.now;
    }
    ArmTimeout(handle, std::move(moved), context);
  }
  return MoveResult{old_deadline, deadline};
}

absl::StatusOr<std::optional<Instant>> Bound(Handle& handle, Span timeout,
                                             std::optional<Outcome> fallback, Context& context) {
  if (handle.phase == Phase::kEnded) {
    return std::nullopt;
  }
  if (handle.timeouts.size() >= context.limits.max_timeouts) {
    return Refuse(Reason::kLimitExceeded,
                  absl::StrCat(Describe(handle), ": has ", handle.timeouts.size(),
                               " time-outs, as many as --max-timeouts allows; the earliest acts, "
                               "so a later one is of no use"),
                  "max-timeouts");
  }
  const Instant deadline = context.now + timeout;
  ArmTimeout(handle, {.due = {deadline, 0}, .span = timeout, .fallback = std::move(fallback)},
             context);
  return deadline;
}

Fired Fire(Handle& handle, Context& context) {
  const std::optional<DueKey> next = NextDue(handle);
  TIMERD_CHECK(next && next->deadline <= context.now);
  if (handle.retention && handle.retention->key() == *next) {
    return Fired::kForget;
  }
  if (!handle.due || handle.due->key() != *next) {
    FireTimeout(handle, context);
    return Fired::kEvent;
  }
  const Instant deadline = handle.due->at;
  if (handle.spec.kind == Kind::kLoop) {
    Tick(handle, deadline, context);
  } else if (handle.spec.reported) {
    BeginRun(handle, EventType::kFired, deadline, 0, context);
  } else {
    Event event = MakeEvent(handle, EventType::kFired, context);
    event.deadline = deadline;
    event.run = handle.run = 1;
    End(handle, std::move(event), context);
  }
  return Fired::kEvent;
}

}  // namespace timerd::timer
