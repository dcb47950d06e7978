// The wheel's words: integers only. It does not know how long a tick is, nor that time exists.
#pragma once

#include <cstdint>

namespace timerd::wheel {

// A point on the wheel's axis.
using Tick = uint64_t;
// Names an entry: a small integer of the caller's choosing, such as an index into its slab.
using Handle = uint32_t;
// Decides among equal deadlines: the smaller place expires first.
using Place = uint64_t;

// Not a deadline: what NextWake() answers when nothing is armed.
inline constexpr Tick kNever = ~Tick{0};

struct Expired {
  Handle handle;
  Tick deadline;
  Place place;
};

}  // namespace timerd::wheel
