#include "server/wheel/timing_wheel.h"

#include <algorithm>

#include "server/base/check.h"

namespace timerd::wheel {

TimingWheel::TimingWheel(Tick now) : now_(std::min(now, kNever - 1)), cursor_(now_ + 1) {}

void TimingWheel::Arm(Handle handle, Tick deadline, Place place) {
  TIMERD_CHECK(deadline != kNever);
  Node& node = nodes_.Touch(handle);
  if (!node.armed()) {
    ++size_;
  } else if (!node.filed()) {
    --due_live_;
  }
  node.deadline = deadline;
  node.place = place;
  if (node.filed()) {
    if (Adopt(node)) {
      return;
    }
    node.Unfile();
  }
  if (deadline < cursor_) {
    AddDue(handle, node);
    if (due_.size() > 2 * due_live_ + kSlack) {
      SweepDue();
    }
  } else if (File(handle, node, deadline) && entries_ > 2 * size_ + kSlack) {
    SweepSome();
  }
}

void TimingWheel::Disarm(Handle handle) {
  if (!IsArmed(handle)) {
    return;
  }
  Node& node = nodes_[handle];
  node.deadline = kNever;
  --size_;
  if (!node.filed()) {
    --due_live_;
  }
}

bool TimingWheel::IsArmed(Handle handle) const {
  return nodes_.Has(handle) && nodes_[handle].armed();
}

bool TimingWheel::PopExpired(Tick limit, Expired* expired) {
  limit = std::min(limit, kNever - 1);
  while (!PopDue(limit, expired)) {
    if (cursor_ > limit) {
      now_ = std::max(now_, limit);
      return false;
    }
    Tick event = NextEvent();
    if (!due_.empty()) {
      event = std::min(event, due_.Top().deadline);
    }
    if (event > limit) {
      MoveCursor(limit + 1);
    } else {
      MoveCursor(event);
      Pour(event);
    }
    WorkAhead();
  }
  return true;
}

Tick TimingWheel::NextWake() const {
  if (size_ == 0) {
    return kNever;
  }
  Tick wake = far_.empty() ? kNever : BlockOf(far_earliest_);
  if (due_live_ > 0) {
    wake = std::min(wake, due_.Top().deadline);
  }
  if (!levels_[0].crowded().empty()) {
    wake = std::min(wake, cursor_);
  }
  for (int level = 0; level < kLevels; ++level) {
    const Level& ring = levels_[level];
    if (ring.empty()) {
      continue;
    }
    Tick slot = SlotOf(level) + ring.occupied().DistanceToFirst(Ring(SlotOf(level)));
    if (level > 0 && ring.slot(Ring(slot)).chunks() > Level::kCrowded) {
      // The window before the slot's own begins where WorkAhead() can start on it.
      wake = std::min(wake, std::max(cursor_, (slot - 1) << (8 * level)));
    } else {
      wake = std::min(wake, slot << (8 * level));
    }
  }
  return wake;
}

}  // namespace timerd::wheel
