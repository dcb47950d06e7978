// TimingWheel: how dead entries are swept out before they come up.
#include "server/wheel/timing_wheel.h"

namespace timerd::wheel {

// Goes on with a round through all lists: takes the first chunk of one, and appends what is alive
// in it to the same list again. A chunk for every ten new entries: at least half of its 31 are
// dead, so this gains on them. What the next call will read is asked for now, ten entries ahead.
void TimingWheel::SweepSome() {
  if (++filings_ % 10 != 0) {
    return;
  }
  if (sweep_chunks_ == 0) {
    BeginSweepOfNextList();
  }
  Level& level = levels_[sweep_list_ / kSlots];
  const uint32_t index = sweep_list_ % kSlots;
  if (!level.occupied().Test(index)) {
    sweep_chunks_ = 0;  // other calls have emptied the list since it was begun
    return;
  }
  --sweep_chunks_;
  Batch batch;
  level.Take(pool_, index, batch);
  for (Entry entry : batch) {
    Node& node = nodes_[entry.handle];
    if (!node.Owns(entry)) {
      --entries_;
    } else if (!node.armed()) {
      node.Unfile();  // or a later Arm() would count on this entry
      --entries_;
    } else {
      level.Append(pool_, index, entry);
    }
  }
  level.slot(index).LookAhead(pool_, [this](Entry entry) { nodes_.Prefetch(entry.handle); });
}

void TimingWheel::BeginSweepOfNextList() {
  // There is one that is not empty: nobody sweeps for less than the slack.
  do {
    sweep_list_ = (sweep_list_ + 1) % kLists;
    const SlotBitmap& occupied = levels_[sweep_list_ / kSlots].occupied();
    const uint32_t from = sweep_list_ % kSlots;
    const uint32_t distance = occupied.empty() ? kSlots : occupied.DistanceToFirst(from);
    sweep_list_ += from + distance < kSlots ? distance : kSlots - 1 - from;
    sweep_chunks_ = levels_[sweep_list_ / kSlots].slot(sweep_list_ % kSlots).chunks();
  } while (sweep_chunks_ == 0);
}

void TimingWheel::SweepQueues() {
  due_.Filter([this](const Expired& item) { return nodes_[item.handle].IsIn(Node::kDue, item); });
  far_.Filter([this](const Expired& item) { return nodes_[item.handle].IsIn(Node::kFar, item); });
}

}  // namespace timerd::wheel
