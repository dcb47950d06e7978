#include "server/timer/timeouts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/timer/transitions.h"

namespace timerd::timer {
namespace {

// Heartbeats are written down at most once per this part of the time-out.
constexpr int kReservedPart = 4;

void ArmTimeout(Handle& handle, Timeout timeout, Context& context) {
  timeout.due.place = context.next_place++;
  handle.timeouts.push_back(std::move(timeout));
  SortTimeouts(handle, context.wall_ahead);
}

// A later deadline from now on, a heartbeat: what is written down runs ahead of it, so that most
// heartbeats need no write. (Varghese and Lauck's lazy restart, carried over to the log.) One that
// changes the length of the time-out does: events tell of it.
void ExtendTimeout(Timeout& timeout, Span old_span, Context& context) {
  if (timeout.reserved && timeout.due.at <= timeout.reserved->at && timeout.span == old_span) {
    context.covered = true;
  } else {
    timeout.reserved = Deadline{timeout.due.at + timeout.span / kReservedPart, context.next_place};
  }
}

Instant Moved(Instant old_deadline, const Move& move, const Context& context) {
  if (const auto* from_now = std::get_if<FromNow>(&move)) {
    return context.now + from_now->delay;
  }
  if (const auto* to = std::get_if<MoveTo>(&move)) {
    // The clocks may differ by more than lies between the last time there is and the end of time.
    return context.now +
           std::min(InstantFromNanos(to->unix_ns) - context.wall(), Instant::max() - context.now);
  }
  // Moved back again and again it stops at 1970, as far as the order goes back, and never wraps.
  const Span delay = std::get<DelayBy>(move).delay;
  return delay < Instant() - old_deadline ? std::min(old_deadline, Instant())
                                          : old_deadline + delay;
}

// `moved`, on the clock that the move goes by: an absolute time follows the wall clock, and so does
// what is moved relative to one.
Deadline Placed(Instant moved, const Move& move, Timeline old_timeline, Context& context) {
  const bool wall = std::holds_alternative<MoveTo>(move) ||
                    (std::holds_alternative<DelayBy>(move) && old_timeline == Timeline::kWall);
  return wall ? Deadline{moved + context.wall_ahead, 0, Timeline::kWall} : Deadline{moved};
}

}  // namespace

void StartTask(Handle& handle, Context& context) {
  handle.phase = Phase::kRunning;
  handle.run = 1;
  if (handle.spec.client_lost_after > Span::zero()) {
    handle.lost = Set(context.now + handle.spec.client_lost_after, context);
  }
  handle.first_deadline = context.now + handle.spec.span;
  ArmTimeout(handle,
             {.due = {*handle.first_deadline},
              .span = handle.spec.span,
              .fallback = handle.spec.fallback,
              .own = true},
             context);
}

void FireTimeout(Handle& handle, Context& context) {
  TIMERD_CHECK(!handle.timeouts.empty());
  SortTimeouts(handle, context.wall_ahead);  // the wall clock may have been set since
  const Timeout timeout = std::move(handle.timeouts.front());
  const Boxed<Outcome>& fallback = timeout.fallback;
  const EventType type = !fallback           ? EventType::kTimedOut
                         : fallback->success ? EventType::kCompleted
                                             : EventType::kFailed;
  Event event = MakeEvent(handle, type, context);
  event.deadline = timeout.due.ServiceTime(context.wall_ahead);
  event.timeout = timeout.span;
  if (fallback) {
    event.by_timeout = true;
    event.payload = fallback->payload;
  }
  End(handle, std::move(event), context);
}

absl::StatusOr<MoveResult> Reschedule(Handle& handle, const Move& move, Context& context) {
  if (handle.spec.kind == Kind::kLoop) {
    return RefuseKind(handle, "Reschedule",
                      "is for timers and tasks; ChangeInterval and ResetLoop move loops");
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
  const Deadline old = handle.due ? *handle.due : own->due;
  const Instant old_deadline = old.ServiceTime(context.wall_ahead);
  const Instant deadline = Moved(old_deadline, move, context);
  if (deadline - context.now > context.limits.max_delay) {
    return ByLimit(
        "max-delay",
        Refuse(Reason::kInvalidField,
               absl::StrCat(Describe(handle), ": the new deadline lies ",
                            absl::FormatDuration(absl::FromChrono(deadline - context.now)),
                            " ahead, above --max-delay=",
                            absl::FormatDuration(absl::FromChrono(context.limits.max_delay)),
                            "; use an earlier one"),
               std::holds_alternative<MoveTo>(move) ? "at" : "delay_by"));
  }
  const Deadline placed = Placed(deadline, move, old.timeline, context);
  if (handle.spec.kind == Kind::kTimer) {
    handle.due = Set(placed.at, context, placed.timeline);
    StopDelivery(handle);
  } else {
    Timeout moved = std::move(*own);
    handle.timeouts.erase(own);
    const Span old_span = moved.span;
    moved.due = placed;
    if (!std::holds_alternative<DelayBy>(move)) {
      moved.span = deadline - context.now;
    }
    if (std::holds_alternative<FromNow>(move) && deadline >= old_deadline) {
      ExtendTimeout(moved, old_span, context);
    } else {
      moved.reserved.reset();
    }
    ArmTimeout(handle, std::move(moved), context);
  }
  return MoveResult{old_deadline, deadline};
}

absl::StatusOr<std::optional<Instant>> Bound(Handle& handle, Span timeout, Boxed<Outcome> fallback,
                                             const std::string& key, Context& context) {
  if (handle.phase == Phase::kEnded) {
    return std::nullopt;
  }
  const auto same = std::find_if(handle.timeouts.begin(), handle.timeouts.end(),
                                 [&key](const Timeout& each) { return each.key == key; });
  if (!key.empty() && same != handle.timeouts.end()) {
    context.covered = true;
    return same->due.ServiceTime(context.wall_ahead);
  }
  if (handle.timeouts.size() >= context.limits.max_timeouts) {
    return Refuse(Reason::kLimitExceeded,
                  absl::StrCat(Describe(handle), ": has ", handle.timeouts.size(),
                               " time-outs, as many as --max-timeouts allows; the earliest acts, "
                               "so a later one is of no use"),
                  "max-timeouts");
  }
  const Instant deadline = context.now + timeout;
  ArmTimeout(handle,
             {.due = {deadline},
              .span = timeout,
              .fallback = std::move(fallback),
              .own = false,
              .key = key},
             context);
  return deadline;
}

}  // namespace timerd::timer
