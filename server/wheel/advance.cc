// TimingWheel: what happens as the cursor moves.
#include <algorithm>

#include "server/wheel/timing_wheel.h"

namespace timerd::wheel {

// Pops the first item that is current and has been reached, dropping the dead ones before it.
bool TimingWheel::PopDue(Tick limit, Expired* expired) {
  while (!due_.empty()) {
    const Expired& top = due_.Top();
    Node& node = nodes_[top.handle];
    if (!node.IsIn(Node::kDue, top)) {
      due_.Pop();
      continue;
    }
    if (top.deadline > limit || top.deadline >= cursor_) {
      return false;
    }
    *expired = top;
    due_.Pop();
    node.Disarm();
    --size_;
    --due_live_;
    now_ = std::max(now_, expired->deadline);
    return true;
  }
  return false;
}

// Moves the cursor past the next tick where there is something to do, or past `limit`.
// REQUIRES: nothing that is due lies before the cursor.
void TimingWheel::Step(Tick limit) {
  Tick event = next_event_;
  if (!due_.empty()) {
    event = std::min(event, due_.Top().deadline);  // of a crowded tick, poured ahead
  }
  if (event > limit) {
    MoveCursor(limit + 1);
  } else {
    MoveCursor(event);
    Pour(event);
  }
  WorkAhead();
  Survey();
}

// Cascades what is left of the slots that begin at `to`, and the slots after them; those that are
// crowded are left to WorkAhead(). REQUIRES: no event lies before `to`.
void TimingWheel::MoveCursor(Tick to) {
  const Tick from = cursor_;
  cursor_ = to;
  for (int level = 1; level < kLevels && from >> (8 * level) != SlotOf(level); ++level) {
    Cascade(level, SlotOf(level), ~uint64_t{0});
    if (!levels_[level].crowded().Test(Ring(SlotOf(level) + 1))) {
      Cascade(level, SlotOf(level) + 1, Level::kCrowded);
    }
  }
  FetchFar();
}

void TimingWheel::FetchFar() {
  while (!far_.empty() && far_.Top().deadline - cursor_ < kReach) {
    const Expired item = far_.Top();
    far_.Pop();
    if (Node& node = nodes_[item.handle]; node.IsIn(Node::kFar, item)) {
      --far_live_;
      File(item.handle, node, item.deadline);
    }
  }
}

// Moves up to `max_chunks` of the slot's chunks to the levels below, which by now reach it. Entries
// tell enough of their ticks for that, dead or alive.
void TimingWheel::Cascade(int level, Tick slot, uint64_t max_chunks) {
  Level& ring = levels_[level];
  const uint32_t index = Ring(slot);
  Batch batch;
  for (uint64_t i = 0; i < max_chunks && ring.occupied().Test(index); ++i) {
    ring.Take(pool_, index, batch);
    for (Entry entry : batch) {
      PutInLevel(entry, TickOf(entry, slot << (8 * level)));
    }
  }
}

// Moves the slot of `tick`, where the cursor is, to the due queue, and the cursor past it.
void TimingWheel::Pour(Tick tick) {
  // Detached first: as the cursor moves, this slot may become that of a tick in the next window.
  EntryList list = levels_[0].Detach(Ring(tick));
  MoveCursor(tick + 1);
  LookAhead();
  Batch batch;
  while (!list.empty()) {
    list.Take(pool_, batch);
    if (!list.empty()) {
      list.LookAhead(pool_, [this](Entry entry) { nodes_.Prefetch(entry.handle); });
    }
    PourBatch(batch, tick);
  }
  due_.Add(poured_);
  poured_.clear();
}

void TimingWheel::PourBatch(const Batch& batch, Tick tick) {
  constexpr uint32_t kMany = 4;
  if (batch.count > kMany) {
    PrefetchNodes(batch);
  }
  entries_ -= batch.count;
  for (Entry entry : batch) {
    Node& node = nodes_[entry.handle];
    if (!node.Owns(entry)) {
      continue;
    }
    node.Unfile();
    if (!node.armed()) {
      continue;
    }
    const Tick deadline = node.Deadline(tick);
    if (deadline > tick) {
      File(entry.handle, node, deadline);
    } else {
      node.Enqueue(Node::kDue, deadline);
      ++due_live_;
      poured_.push_back({entry.handle, deadline, node.place});
    }
  }
}

// Does a part of what would otherwise be due all at once: of each level, what is left of the slot
// that the cursor comes to next; of level 0, the next crowded one. Four times the pace that would
// just do, so that a caller who misses a few ticks is not punished, and at least a few chunks.
void TimingWheel::WorkAhead() {
  if (cursor_ < next_ahead_) {
    return;
  }
  auto share = [](uint32_t chunks, Tick ticks_left) {
    return std::max<uint64_t>(4, 4 * uint64_t{chunks} / ticks_left + 1);
  };
  for (int level = 1; level < kLevels; ++level) {
    const Tick next = SlotOf(level) + 1;
    if (levels_[level].occupied().Test(Ring(next))) {
      const uint32_t chunks = levels_[level].slot(Ring(next)).chunks();
      Cascade(level, next, share(chunks, (next << (8 * level)) - cursor_));
    }
  }
  Level& ticks = levels_[0];
  if (ticks.crowded().empty()) {
    return;
  }
  const uint32_t distance = ticks.crowded().DistanceToFirst(Ring(cursor_));
  const uint32_t index = Ring(cursor_ + distance);
  const uint64_t chunks = share(ticks.slot(index).chunks(), distance + 1);
  Batch batch;
  for (uint64_t i = 0; i < chunks && ticks.occupied().Test(index); ++i) {
    ticks.Take(pool_, index, batch);
    PourBatch(batch, cursor_ + distance);
  }
  due_.Add(poured_);
  poured_.clear();
}

// Asks for the nodes of the next occupied slots. Two of them for each one that is poured, until it
// is 64 ticks ahead: time enough for the cache lines to come, when ticks follow fast.
void TimingWheel::LookAhead() {
  constexpr Tick kFarEnough = 64;
  looked_ = std::max(looked_, cursor_);
  const Level& ticks = levels_[0];
  for (int i = 0; i < 2 && looked_ - cursor_ < kFarEnough && !ticks.empty(); ++i) {
    looked_ += ticks.occupied().DistanceToFirst(Ring(looked_));
    if (looked_ - cursor_ >= kFarEnough) {
      looked_ = cursor_ + kFarEnough;
      return;
    }
    ticks.slot(Ring(looked_)).LookAhead(pool_, [this](Entry entry) {
      nodes_.Prefetch(entry.handle);
    });
    ++looked_;
  }
}

// Finds out where there will be something to do.
void TimingWheel::Survey() {
  next_event_ = far_.empty() ? kNever : far_.Top().deadline - kReach;
  next_ahead_ = levels_[0].crowded().empty() ? kNever : cursor_;
  for (int level = 0; level < kLevels; ++level) {
    const Level& ring = levels_[level];
    const Tick current = SlotOf(level);
    if (ring.empty()) {
      continue;
    }
    const Tick slot = current + ring.occupied().DistanceToFirst(Ring(current));
    if (level > 0 && slot == current + 1) {
      next_ahead_ = cursor_;
      next_event_ = std::min(next_event_, (slot << (8 * level)) - 1);
    } else {
      next_event_ = std::min(next_event_, EventOf(level, slot));
    }
  }
}

}  // namespace timerd::wheel
