// What the caller asked for a moment ago and is not done yet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "server/wheel/types.h"

namespace timerd::wheel {

// To arm or disarm a handle of many is to wait for a cache line. So each change is put off until a
// few more have been asked for: by then its line has come, and the lines of the others are under
// way all at once. A batch of changes costs a fraction; one alone costs the same.
struct Change {
  Handle handle;
  Tick deadline;  // kNever: disarm
  Place place;
};

// The last few changes, first in, first out.
class PutOff {
 public:
  static constexpr uint32_t kMost = 32;

  bool empty() const { return first_ == end_; }
  bool full() const { return end_ - first_ == kMost; }
  // REQUIRES: not full().
  void Add(const Change& change) { ring_[end_++ % kMost] = change; }
  // REQUIRES: not empty().
  Change Take() { return ring_[first_++ % kMost]; }

 private:
  std::array<Change, kMost> ring_;
  uint32_t first_ = 0;
  uint32_t end_ = 0;
};

}  // namespace timerd::wheel
