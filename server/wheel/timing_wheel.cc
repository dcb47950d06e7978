#include "server/wheel/timing_wheel.h"

#include <algorithm>

#include "server/base/check.h"

namespace timerd::wheel {

TimingWheel::TimingWheel(Tick now) : now_(std::min(now, kNever - 1)), cursor_(now_ + 1) {}

void TimingWheel::Arm(Handle handle, Tick deadline, Place place) {
  TIMERD_CHECK(deadline != kNever);
  if (handle >= nodes_.size()) {
    nodes_.Extend(size_t{handle} + 1);
  }
  Node& node = nodes_[handle];
  size_ += node.armed() ? 0 : 1;
  due_live_ -= node.armed() && node.where() == Node::kDue ? 1 : 0;
  far_live_ -= node.armed() && node.where() == Node::kFar ? 1 : 0;
  if (deadline < cursor_ || deadline - cursor_ >= kReach) {
    node.Arm(deadline, place);
    Enqueue(handle, node, deadline);
    return;
  }
  if (habit_.Asks() && node.filed()) {
    const bool stays = deadline >= node.FiledBy(cursor_);
    habit_.Learn(stays);
    if (stays) {
      node.Arm(deadline, place);
      return;
    }
  }
  node.Arm(deadline, place);
  File(handle, node, deadline);
  if (entries_ > 2 * size_ + kSlack) {
    SweepSome();
  }
}

void TimingWheel::Disarm(Handle handle) {
  if (!IsArmed(handle)) {
    return;
  }
  Node& node = nodes_[handle];
  node.Disarm();
  --size_;
  due_live_ -= node.where() == Node::kDue ? 1 : 0;
  far_live_ -= node.where() == Node::kFar ? 1 : 0;
}

bool TimingWheel::IsArmed(Handle handle) const {
  return handle < nodes_.size() && nodes_[handle].armed();
}

bool TimingWheel::PopExpired(Tick limit, Expired* expired) {
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

Tick TimingWheel::NextWake() const {
  if (size_ == 0) {
    return kNever;
  }
  const Tick wake = std::min(next_event_, std::max(next_ahead_, cursor_));
  return due_live_ > 0 ? std::min(wake, due_.Top().deadline) : wake;
}

}  // namespace timerd::wheel
