// Whether it is worth asking if an old entry can stay.
#pragma once

#include <cstdint>

namespace timerd::wheel {

// Arm() for later than the handle's entry stands can leave the entry where it is: no new one, no
// garbage. But to ask is to wait for the node, a cache miss, before anything else goes on; the
// processor gets around that only by guessing the answer. So we ask where the answer is nearly
// always yes, as with heartbeats and the time-outs of requests, and where it is not, only now and
// then, to see whether times have changed.
class AdoptionHabit {
 public:
  bool Asks() { return score_ >= kEnough || ++unasked_ % 64 == 0; }
  // REQUIRES: the answer to what Asks() wanted to know.
  void Learn(bool stays) { score_ += ((stays ? kAlways : 0) - score_) / 32; }

 private:
  static constexpr int32_t kAlways = 1 << 20;
  static constexpr int32_t kEnough = kAlways / 4 * 3;

  int32_t score_ = kAlways;
  uint32_t unasked_ = 0;
};

}  // namespace timerd::wheel
