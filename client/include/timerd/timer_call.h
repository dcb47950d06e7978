// The handles of timers: DelayedCall (plain) and DeferredCall (reported).
#pragma once

#include "timerd/handle.h"

namespace timerd {
inline namespace client {

// What both kinds of timer can do while they wait.
//
// A move wins over a firing that is already on its way here, as long as the function has not begun:
// the server then has no timer left to move, so the client makes a new one, with a new id(), and
// cancels the old one if it was a reported one. A time-out that bounded the old one is gone then.
class TimerCall : public Handle {
 public:
  // The call happens `from_now` from now. The future gives the new deadline, or kFailedPrecondition
  // with ALREADY_CALLED or ALREADY_CANCELLED. Asked again until answered, the time spent deducted.
  Future<absl::StatusOr<absl::Time>> Reset(absl::Duration from_now) const;
  // The call happens `by` later than it would have, or earlier when negative. Asked once:
  // kUnavailable means that it is not known whether the deadline has moved.
  Future<absl::StatusOr<absl::Time>> Delay(absl::Duration by) const;

 protected:
  using Handle::Handle;
};

// A function to be called once; its firing is its end.
class DelayedCall : public TimerCall {
 public:
  DelayedCall() = default;

 private:
  friend class Client;
  using TimerCall::TimerCall;
};

// A function to be called once whose value or failure is the end, for all who watch.
class DeferredCall : public TimerCall {
 public:
  DeferredCall() = default;

 private:
  friend class Client;
  using TimerCall::TimerCall;
};

}  // namespace client
}  // namespace timerd
