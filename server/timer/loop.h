// What loops do besides what all handles do.
#pragma once

#include "server/timer/machine.h"

namespace timerd::timer {

// Sets a new loop's first deadline, or makes its first tick.
void StartLoop(Handle& handle, Context& context);

// The loop's deadline acts: a tick, which for a plain loop is over at once.
void FireLoop(Handle& handle, Context& context);

// A run that was reported a success is over; the loop goes on, pauses, or ends with `outcome`.
void EndLoopRun(Handle& handle, const Outcome& outcome, Context& context);

// Sets the deadline for the first tick after now, whatever the policy: what was missed until then
// is told, and not made up for.
void SkipToNext(Handle& handle, Context& context);

}  // namespace timerd::timer
