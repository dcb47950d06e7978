// TimingWheel: where an entry goes, and how the dead ones are swept out.
#include <algorithm>

#include "server/wheel/timing_wheel.h"

namespace timerd::wheel {

// Whether the filed entry comes up early enough for the node's new deadline, so that it can stay.
bool TimingWheel::Adopt(Node& node) {
  if (node.filed_tick() == kBlockMask) {
    // Filed for the block's last tick or, more likely, in the far list, which is looked at only
    // when a later block begins.
    if (BlockOf(node.deadline) <= BlockOf(cursor_)) {
      return false;
    }
    far_earliest_ = std::min(far_earliest_, node.deadline);
    return true;
  }
  return node.deadline >= BlockOf(cursor_) + node.filed_tick();
}

// Makes an entry for `tick`, which is not before the cursor, the node's current one.
bool TimingWheel::File(Handle handle, Node& node, Tick tick) {
  ++entries_;
  if (BlockOf(tick) == BlockOf(cursor_)) {
    return PutInLevel({handle, node.File(tick)}, tick);
  }
  far_earliest_ = far_.empty() ? tick : std::min(far_earliest_, tick);
  return far_.Append(pool_, {handle, node.File(kBlockMask)});
}

// REQUIRES: `tick` is in the cursor's block and not before the cursor.
bool TimingWheel::PutInLevel(Entry entry, Tick tick) {
  int level = 0;
  while ((tick >> (8 * (level + 1))) - SlotOf(level + 1) > 1) {
    ++level;
  }
  return levels_[level].Append(pool_, Ring(tick >> (8 * level)), entry);
}

void TimingWheel::AddDue(Handle handle, Node& node) {
  ++due_live_;
  due_.Add({handle, node.deadline, node.place});
}

bool TimingWheel::IsCurrent(const Expired& item) const {
  const Node& node = nodes_[item.handle];
  return !node.filed() && node.deadline == item.deadline && node.place == item.place;
}

void TimingWheel::PrefetchNodes(TakenChunk taken) const {
  for (uint32_t i = 0; i < taken.count; ++i) {
    nodes_.Prefetch(pool_.at(taken.index).entries[i].handle);
  }
}

void TimingWheel::SweepDue() {
  due_.Filter([this](const Expired& item) { return IsCurrent(item); });
}

// Goes on with a round through all lists, dropping the dead entries of the next few chunks. Three
// for each chunk that filing takes: at least half of the entries are dead, so this gains on it.
void TimingWheel::SweepSome() {
  for (int i = 0; i < 3; ++i) {
    if (sweep_chunks_ == 0) {
      BeginSweepOfNextList();
    }
    SweepChunk();
  }
}

void TimingWheel::BeginSweepOfNextList() {
  sweep_list_ = sweep_list_ == kFarList ? 0 : sweep_list_ + 1;
  while (sweep_list_ < kFarList) {
    const SlotBitmap& occupied = levels_[sweep_list_ / kSlots].occupied();
    uint32_t from = sweep_list_ % kSlots;
    uint32_t distance = occupied.empty() ? kSlots : occupied.DistanceToFirst(from);
    if (from + distance < kSlots) {
      sweep_list_ += distance;
      sweep_chunks_ = levels_[sweep_list_ / kSlots].slot(sweep_list_ % kSlots).chunks();
      return;
    }
    sweep_list_ += kSlots - from;
  }
  sweep_chunks_ = far_.chunks();
}

// Takes the first chunk of the list, and appends what is alive in it to the list again.
void TimingWheel::SweepChunk() {
  bool in_far = sweep_list_ == kFarList;
  Level& level = levels_[in_far ? 0 : sweep_list_ / kSlots];
  uint32_t index = sweep_list_ % kSlots;
  if (in_far ? far_.empty() : !level.occupied().Test(index)) {
    sweep_chunks_ = 0;  // other calls have emptied the list since it was begun
    return;
  }
  --sweep_chunks_;
  TakenChunk taken = in_far ? far_.TakeChunk(pool_) : level.TakeChunk(pool_, index);
  PrefetchNodes(taken);
  for (uint32_t i = 0; i < taken.count; ++i) {
    Entry entry = pool_.at(taken.index).entries[i];
    Node& node = nodes_[entry.handle];
    if (!node.Owns(entry)) {
      --entries_;
    } else if (!node.armed()) {
      node.Unfile();  // or a later Arm() would count on this entry
      --entries_;
    } else if (in_far) {
      far_.Append(pool_, entry);
    } else {
      level.Append(pool_, index, entry);
    }
  }
  pool_.Give(taken.index);
}

}  // namespace timerd::wheel
