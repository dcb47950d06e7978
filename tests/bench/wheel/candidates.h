// Who is measured, each in a file of its own. A candidate is a class with
//
//   explicit Candidate(size_t n);          timers 0 to n-1, none scheduled; the time is kStart
//   void Schedule(Id, Millis deadline);    REQUIRES: not scheduled, the deadline is ahead
//   void Cancel(Id);                       REQUIRES: scheduled
//   void Rearm(Id, Millis deadline);       Cancel and Schedule, in the way that costs least
//   void Advance(Millis to, Fired fired);  sets the time; calls fired(id) for each that is due,
//                                          which may schedule it again
//
// All of them run on a clock that stands still until Advance(). None has a callback with state, or
// does anything but timers.
#pragma once

#include "tests/bench/results.h"
#include "tests/bench/wheel/measure.h"

namespace timerd::bench {

void MeasureWheel(const Plan& plan, Results& results);
void MeasurePriorityQueue(const Plan& plan, Results& results);
// Where the peer's package was not there at configure time, these do not exist.
void MeasureAsio(const Plan& plan, Results& results);
void MeasureLibevent(const Plan& plan, Results& results);
void MeasureLibuv(const Plan& plan, Results& results);
// What a wheel costs that is nearly empty.
void MeasureSparseWheel(Results& results);

}  // namespace timerd::bench
