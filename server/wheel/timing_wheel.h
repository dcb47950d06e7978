// A hierarchical timing wheel over integers: which of many deadlines is due next.
#pragma once

#include <cstddef>
#include <cstdint>

namespace timerd::wheel {

// A point on the wheel's axis. The wheel does not know how long a tick is.
using Tick = uint64_t;
// Names an entry: a small integer of the caller's choosing (the wheel keeps an array up to the
// largest one seen).
using Handle = uint32_t;
// Decides among equal deadlines: the smaller place expires first.
using Place = uint64_t;

inline constexpr Tick kNever = ~Tick{0};

struct Expired {
  Handle handle;
  Tick deadline;
  Place place;
};

// PLACEHOLDER of the interface.
class TimingWheel {
 public:
  explicit TimingWheel(Tick now);
  // Arms `handle` for `deadline`, replacing any earlier arming. O(1) amortised. A deadline not
  // after now() is due at once: the next PopExpired() sees it, in its place in the order.
  void Arm(Handle handle, Tick deadline, Place place);
  // Does nothing when `handle` is not armed.
  void Disarm(Handle handle);
  bool IsArmed(Handle handle) const;
  // Takes out the first entry, by (deadline, place), whose deadline is not after `limit`, and moves
  // now() forward to that deadline; moves now() forward to `limit` and returns false when there is
  // none. now() never goes back.
  bool PopExpired(Tick limit, Expired* expired);
  // A tick at which it is worth calling PopExpired() again: never after the earliest armed deadline.
  // kNever when nothing is armed.
  Tick NextWake() const;
  Tick now() const;
  size_t size() const;
};

}  // namespace timerd::wheel
