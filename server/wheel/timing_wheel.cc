#include "server/wheel/timing_wheel.h"

#include <algorithm>

namespace timerd::wheel {

TimingWheel::TimingWheel(Tick now) : now_(std::min(now, kNever - 1)), cursor_(now_ + 1) {}

void TimingWheel::Settle() {
  while (!put_off_.empty()) {
    Apply(put_off_.Take());
  }
}

bool TimingWheel::IsArmed(Handle handle) {
  Settle();
  return handle < nodes_.size() && nodes_[handle].armed();
}

bool TimingWheel::PopExpired(Tick limit, Expired* expired) {
  Settle();
  limit = std::min(limit, kNever - 1);
  while (!PopDue(limit, expired)) {
    if (cursor_ > limit) {
      now_ = std::max(now_, limit);
      return false;
    }
    if (due_.empty() && limit < std::min(next_event_, next_ahead_)) {
      cursor_ = limit + 1;  // nothing in between
    } else {
      Step(limit);
    }
  }
  return true;
}

Tick TimingWheel::NextWake() {
  Settle();
  if (size_ == 0) {
    return kNever;
  }
  const Tick wake = std::min(next_event_, std::max(next_ahead_, cursor_));
  return due_live_ > 0 ? std::min(wake, due_.Top().deadline) : wake;
}

}  // namespace timerd::wheel
