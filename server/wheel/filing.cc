// TimingWheel: what a change does, and where an entry goes.
#include <algorithm>

#include "server/wheel/timing_wheel.h"

namespace timerd::wheel {

void TimingWheel::Apply(const Change& change) {
  Node& node = nodes_[change.handle];
  const bool was_armed = node.armed();
  if (was_armed && !node.filed()) {
    --(node.where() == Node::kFar ? far_live_ : due_live_);
  }
  if (change.deadline == kNever) {
    node.Disarm();
    size_ -= was_armed ? 1 : 0;
    return;
  }
  size_ += was_armed ? 0 : 1;
  const bool near = change.deadline >= cursor_ && change.deadline - cursor_ < kReach;
  const bool stays = near && node.filed() && change.deadline >= node.FiledBy(cursor_);
  node.Arm(change.deadline, change.place);
  if (stays) {
    return;
  }
  if (near) {
    File(change.handle, node, change.deadline);
    if (entries_ > 2 * size_ + kSlack) {
      SweepSome();
    }
  } else {
    Enqueue(change.handle, node, change.deadline);
  }
}

// Makes an entry for `tick`, the node's current one.
// REQUIRES: `tick` is near, and not before the cursor.
void TimingWheel::File(Handle handle, Node& node, Tick tick) {
  ++entries_;
  PutInLevel({handle, node.File(tick)}, tick);
}

// REQUIRES: `tick` is near, and not before the cursor.
void TimingWheel::PutInLevel(Entry entry, Tick tick) {
  int level = 0;
  while ((tick >> (8 * (level + 1))) - SlotOf(level + 1) > 1) {
    ++level;
  }
  const Tick slot = tick >> (8 * level);
  const uint32_t index = Ring(slot);
  next_event_ = std::min(next_event_, EventOf(level, slot));
  if (levels_[level].Append(pool_, index, entry) && level == 0 &&
      levels_[0].crowded().Test(index)) {
    next_ahead_ = cursor_;
  }
}

// Puts what is armed for the past, or for far away, in its queue.
void TimingWheel::Enqueue(Handle handle, Node& node, Tick deadline) {
  const bool far = deadline >= cursor_;
  node.Enqueue(far ? Node::kFar : Node::kDue, deadline);
  ++(far ? far_live_ : due_live_);
  (far ? far_ : due_).Add({handle, deadline, node.place});
  if (far) {
    next_event_ = std::min(next_event_, deadline - kReach);
  }
  if (due_.size() + far_.size() > 2 * (due_live_ + far_live_) + kSlack) {
    SweepQueues();
  }
}

void TimingWheel::PrefetchNodes(const Batch& batch) const {
  for (Entry entry : batch) {
    nodes_.Prefetch(entry.handle);
  }
}

}  // namespace timerd::wheel
