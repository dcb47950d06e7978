#include "server/timer/machine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/timer/loop.h"
#include "server/timer/timeouts.h"
#include "server/timer/transitions.h"

namespace timerd::timer {
namespace {

Deadline FirstDeadline(const Spec& spec, Context& context) {
  return spec.at ? Set(InstantFromNanos(*spec.at), context, Timeline::kWall)
                 : Set(context.now + spec.span, context);
}

// How a report of a run that nobody waits for any more is answered: OK when it repeats what was
// reported or comes after the handle ended without it, an error when it contradicts.
absl::StatusOr<ReportResult> AnswerLateReport(const Handle& handle, uint64_t run,
                                              const Outcome& outcome, const Context& context) {
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
    result.next_deadline = handle.due->ServiceTime(context.wall_ahead);
  }
  return result;
}

// Nobody has followed the run for as long as it may wait, or somebody does and it goes on waiting.
Fired FireLost(Handle& handle, Context& context) {
  const Span after = handle.spec.client_lost_after;
  // After a restart clients need time to come back.
  const Instant until = context.followed ? context.now + after : context.serving_since + after;
  if (until > context.now) {
    handle.lost = Set(until, context);
    return Fired::kMoved;
  }
  Event event = MakeEvent(handle, EventType::kFailed, context);
  event.reason = EndReason::kClientLost;
  End(handle, std::move(event), context);
  return Fired::kEvent;
}

}  // namespace

void FireOwn(Handle& handle, Context& context) {
  if (handle.spec.kind == Kind::kLoop) {
    return FireLoop(handle, context);
  }
  const Deadline deadline = *handle.due;
  BeginRun(handle, EventType::kFired, deadline, 0, /*triggered=*/false, context);
  if (!handle.spec.reported) {
    // The firing is the end: one event, retained as such.
    Event event = std::move(context.events.back());
    context.events.pop_back();
    handle.last_firing.reset();
    End(handle, std::move(event), context);
  }
}

void EndRun(Handle& handle, const Outcome& outcome, Context& context) {
  handle.reported_run = handle.run;
  handle.reported_success = outcome.success;
  if (handle.spec.kind != Kind::kLoop) {
    EndWithOutcome(handle, outcome, EventType::kCompleted, context);
  } else if (!outcome.success || handle.phase == Phase::kStopping) {
    EndWithOutcome(handle, outcome, EventType::kStopped, context);
  } else {
    EndLoopRun(handle, outcome, context);
  }
}

absl::Status CheckCreatable(const Spec& spec, const Context& context) {
  if (spec.at && InstantFromNanos(*spec.at) - context.wall() > context.limits.max_delay) {
    return ByLimit(
        "max-delay",
        Refuse(Reason::kInvalidField,
               absl::StrCat("at ",
                            absl::FormatTime(absl::RFC3339_full, absl::FromUnixNanos(*spec.at),
                                             absl::UTCTimeZone()),
                            " lies further ahead than --max-delay=",
                            absl::FormatDuration(absl::FromChrono(context.limits.max_delay)),
                            "; use an earlier time"),
               "at"));
  }
  if (spec.kind != Kind::kLoop || !spec.loop->until) {
    return absl::OkStatus();
  }
  Spec first = spec;
  first.start_now = false;
  first.loop.Edit().jitter = Span::zero();
  std::vector<Event> events;
  uint64_t place = 0;
  Context trial{context.now, context.wall_ahead, context.limits, place, events};
  const bool too_late = spec.start_now
                            ? ToNanos(context.wall()) > *spec.loop->until
                            : Create("", std::move(first), nullptr, trial).phase == Phase::kEnded;
  if (too_late) {
    return Refuse(
        Reason::kInvalidField,
        absl::StrCat("until ",
                     absl::FormatTime(absl::RFC3339_full, absl::FromUnixNanos(*spec.loop->until),
                                      absl::UTCTimeZone()),
                     " lies before the first tick; use a later time, or leave it out"),
        "until");
  }
  return absl::OkStatus();
}

Handle Create(std::string key, Spec spec, const Handle* replaced, Context& context) {
  Handle handle;
  handle.key = std::move(key);
  handle.spec = std::move(spec);
  handle.created = context.now;
  if (replaced != nullptr) {
    handle.generation = replaced->generation + 1;
    handle.sequence =
        replaced->sequence;  // so that a Watch after the old one's last misses nothing
  }
  switch (handle.spec.kind) {
    case Kind::kTimer:
      handle.due = FirstDeadline(handle.spec, context);
      break;
    case Kind::kLoop:
      StartLoop(handle, context);
      break;
    case Kind::kTask:
      StartTask(handle, context);
      break;
  }
  if (handle.due && !(handle.spec.kind == Kind::kLoop && handle.spec.start_now)) {
    handle.first_deadline = handle.due->ServiceTime(context.wall_ahead);
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
    return own.kind == Kind::kLoop ? "plain" : "reported";
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
  if (own.client_lost_after != spec.client_lost_after) {
    return "client_lost_after";
  }
  if (own.queue != spec.queue) {
    return "queue";
  }
  if (own.delivery->lease != spec.delivery->lease) {
    return "lease";
  }
  if (own.delivery->retry != spec.delivery->retry) {
    return "retry";
  }
  return FindDifference(*own.loop, *spec.loop);
}

absl::Status Cancel(Handle& handle, Context& context) {
  if (handle.phase == Phase::kEnded) {
    return RefuseEnded(handle);
  }
  End(handle, MakeEvent(handle, EventType::kCancelled, context), context);
  return absl::OkStatus();
}

void EndReplaced(Handle& handle, Context& context) {
  if (handle.phase != Phase::kEnded) {
    Event event = MakeEvent(handle, EventType::kCancelled, context);
    event.reason = EndReason::kReplaced;
    End(handle, std::move(event), context);
  }
}

absl::StatusOr<ReportResult> Report(Handle& handle, uint64_t run, const Outcome& outcome,
                                    Context& context) {
  if (!handle.spec.reported) {
    return RefuseKind(handle, "Report",
                      handle.spec.kind == Kind::kLoop
                          ? "is for loops that are not plain; this one's ticks are over at once"
                          : "is for timers made with reported=true; firing ended this one");
  }
  if (run > handle.run) {
    return Refuse(
        Reason::kNotFired,
        absl::StrCat(Describe(handle), ": run ", run, " has not begun; ",
                     handle.run == 0 ? "none has" : absl::StrCat("the last is run ", handle.run)));
  }
  const bool awaited = handle.phase == Phase::kRunning || handle.phase == Phase::kStopping;
  if (!awaited || run != handle.run) {
    return AnswerLateReport(handle, run, outcome, context);
  }
  EndRun(handle, outcome, context);
  ReportResult result{.accepted = true};
  if (handle.end) {
    result.end = handle.end->type;
  }
  if (handle.due) {
    result.next_deadline = handle.due->ServiceTime(context.wall_ahead);
  }
  return result;
}

bool Unfollow(Handle& handle, Context& context) {
  if (!handle.lost) {
    return false;
  }
  handle.lost = Set(context.now + handle.spec.client_lost_after, context);
  return true;
}

Fired Fire(Handle& handle, Context& context) {
  const std::optional<DueKey> next = NextDue(handle, context.wall_ahead);
  TIMERD_CHECK(next && next->deadline <= context.now);
  if (handle.lost && handle.lost->key() == *next) {
    return FireLost(handle, context);
  }
  if (handle.delivery.due && handle.delivery.due->key() == *next) {
    return FireDelivery(handle, context);
  }
  if (!handle.due || handle.due->key(context.wall_ahead) != *next) {
    FireTimeout(handle, context);
  } else if (!handle.spec.queue.empty()) {
    Enqueue(handle, context);
    return Fired::kQueued;
  } else {
    FireOwn(handle, context);
  }
  return Fired::kEvent;
}

}  // namespace timerd::timer
