#include "server/timer/transitions.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/status.h"

namespace timerd::timer {

Deadline Set(Instant at, Context& context, Timeline timeline) {
  return {at, context.next_place++, timeline};
}

Event MakeEvent(Handle& handle, EventType type, const Context& context) {
  Event event;
  event.type = type;
  event.sequence = ++handle.sequence;
  event.time = context.now;
  const bool running = handle.phase == Phase::kRunning || handle.phase == Phase::kStopping;
  event.run = running ? handle.run : 0;
  event.attempts = running ? handle.delivery.attempts : 0;
  return event;
}

void End(Handle& handle, Event event, Context& context) {
  handle.phase = Phase::kEnded;
  handle.due.reset();
  handle.lost.reset();
  StopDelivery(handle);
  handle.timeouts.clear();
  handle.retention = Set(context.now + context.limits.retention, context, Timeline::kRetention);
  handle.end = event;
  context.events.push_back(std::move(event));
}

void EndWithOutcome(Handle& handle, const Outcome& outcome, EventType success, Context& context) {
  Event event = MakeEvent(handle, outcome.success ? success : EventType::kFailed, context);
  event.payload = outcome.payload;
  End(handle, std::move(event), context);
}

void BeginRun(Handle& handle, EventType type, std::optional<Deadline> deadline, uint64_t count,
              bool triggered, Context& context) {
  ++handle.run;
  handle.phase = Phase::kRunning;
  handle.due.reset();
  handle.delivery = {};
  if (handle.spec.client_lost_after > Span::zero()) {
    handle.lost = Set(context.now + handle.spec.client_lost_after, context);
  }
  Event event = MakeEvent(handle, type, context);
  event.count = count;
  event.triggered = triggered;
  if (deadline) {
    event.deadline = deadline->ServiceTime(context.wall_ahead);
    if (deadline->timeline == Timeline::kWall) {
      event.wall_deadline = ToNanos(deadline->at);
    }
  }
  handle.last_firing = event;
  context.events.push_back(std::move(event));
  if (!handle.spec.queue.empty()) {
    handle.delivery.due = Set(context.now, context, Timeline::kQueue);
  }
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

}  // namespace timerd::timer
