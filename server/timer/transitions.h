// The transitions that the state machines of all kinds are made of.
#pragma once

#include "server/timer/machine.h"

namespace timerd::timer {

// A deadline with the next place in the order.
Deadline Set(Instant at, Context& context, Timeline timeline = Timeline::kService);

// The next event of `handle`.
Event MakeEvent(Handle& handle, EventType type, const Context& context);

// The only way into kEnded. From here on the handle has no deadline but that of its retention.
void End(Handle& handle, Event event, Context& context);
void EndWithOutcome(Handle& handle, const Outcome& outcome, EventType success, Context& context);

// The run under way has ended: of a timer or a task that is the end, a loop goes on after a success
// unless it was stopping.
void EndRun(Handle& handle, const Outcome& outcome, Context& context);

// The handle's own deadline acts, a timer's or a loop's: its next run begins.
void FireOwn(Handle& handle, Context& context);

// Begins the next run, with the event that tells of it.
void BeginRun(Handle& handle, EventType type, std::optional<Deadline> deadline, uint64_t count,
              bool triggered, Context& context);

absl::Status RefuseEnded(const Handle& handle);
absl::Status RefuseKind(const Handle& handle, absl::string_view call, absl::string_view rule);

}  // namespace timerd::timer
