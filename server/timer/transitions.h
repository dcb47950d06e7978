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

// Begins the next run, with the event that tells of it.
void BeginRun(Handle& handle, EventType type, std::optional<Deadline> deadline, uint64_t count,
              bool triggered, Context& context);

absl::Status RefuseEnded(const Handle& handle);
absl::Status RefuseKind(const Handle& handle, absl::string_view call, absl::string_view rule);

}  // namespace timerd::timer
