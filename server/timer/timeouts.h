// Upper bounds on a handle's life, and how its deadlines are moved.
#pragma once

#include "server/timer/machine.h"

namespace timerd::timer {

// A new task runs from the start, bounded by its own time-out.
void StartTask(Handle& handle, Context& context);

// The first of the handle's time-outs acts.
void FireTimeout(Handle& handle, Context& context);

}  // namespace timerd::timer
