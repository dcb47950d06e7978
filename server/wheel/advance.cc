// TimingWheel: what happens as the cursor moves.
#include <algorithm>

#include "server/wheel/timing_wheel.h"

namespace timerd::wheel {

// Pops the first item that is current and has been reached, dropping the dead ones before it.
bool TimingWheel::PopDue(Tick limit, Expired* expired) {
  while (!due_.empty()) {
    const Expired& top = due_.Top();
    if (!IsCurrent(top)) {
      due_.Pop();
      continue;
    }
    if (top.deadline > limit || top.deadline >= cursor_) {
      return false;
    }
    *expired = top;
    due_.Pop();
    nodes_[expired->handle].deadline = kNever;
    --size_;
    --due_live_;
    now_ = std::max(now_, expired->deadline);
    return true;
  }
  return false;
}

// The first tick, from the cursor on, with a slot to pour or to cascade.
Tick TimingWheel::NextEvent() const {
  Tick event = far_.empty() ? kNever : BlockOf(far_earliest_);
  for (int level = 0; level < kLevels; ++level) {
    if (const Level& ring = levels_[level]; !ring.empty()) {
      Tick slot = SlotOf(level) + ring.occupied().DistanceToFirst(Ring(SlotOf(level)));
      event = std::min(event, slot << (8 * level));
    }
  }
  return event;
}

// Cascades the slots that begin at `to`. REQUIRES: no event lies before `to`.
void TimingWheel::MoveCursor(Tick to) {
  Tick from = cursor_;
  cursor_ = to;
  if (!far_.empty() && BlockOf(far_earliest_) <= BlockOf(to)) {
    CascadeFar();
  }
  for (int level = 1; level < kLevels && from >> (8 * level) != SlotOf(level); ++level) {
    Cascade(level, SlotOf(level), ~uint64_t{0});
  }
}

// Moves up to `max_chunks` of the slot's chunks to the levels below, which by now reach it. Entries
// tell enough of their ticks for that, dead or alive, unless the slot is wider than their stamps:
// then, one time in days, the nodes are read.
void TimingWheel::Cascade(int level, Tick slot, uint64_t max_chunks) {
  Level& ring = levels_[level];
  uint32_t index = Ring(slot);
  Tick start = slot << (8 * level);
  for (uint64_t i = 0; i < max_chunks && ring.occupied().Test(index); ++i) {
    TakenChunk taken = ring.TakeChunk(pool_, index);
    const Chunk& chunk = pool_.at(taken.index);
    for (uint32_t k = 0; k < taken.count; ++k) {
      Entry entry = chunk.entries[k];
      if (8 * level <= kStampTickBits) {
        PutInLevel(entry, (start & ~kStampTickMask) | (entry.stamp >> 8));
      } else if (nodes_[entry.handle].Owns(entry)) {
        PutInLevel(entry, BlockOf(cursor_) + nodes_[entry.handle].filed_tick());
      } else {
        --entries_;
      }
    }
    pool_.Give(taken.index);
  }
}

// A new block has begun: files again what the far list holds, O(n) once in 2^48 ticks.
void TimingWheel::CascadeFar() {
  far_earliest_ = kNever;
  for (uint32_t left = far_.chunks(); left > 0; --left) {
    TakenChunk taken = far_.TakeChunk(pool_);
    for (uint32_t i = 0; i < taken.count; ++i) {
      Entry entry = pool_.at(taken.index).entries[i];
      Node& node = nodes_[entry.handle];
      --entries_;
      if (node.Owns(entry)) {
        node.Unfile();
        if (node.armed()) {
          File(entry.handle, node, node.deadline);
        }
      }
    }
    pool_.Give(taken.index);
  }
}

// Moves the slot of `tick`, where the cursor is, to the due queue, and the cursor past it.
void TimingWheel::Pour(Tick tick) {
  // Detached first: as the cursor moves, this slot may become that of a tick in the next window.
  EntryList list = levels_[0].Detach(Ring(tick));
  MoveCursor(tick + 1);
  while (!list.empty()) {
    PourChunk(list.TakeChunk(pool_), tick);
  }
}

void TimingWheel::PourChunk(TakenChunk taken, Tick tick) {
  PrefetchNodes(taken);
  for (uint32_t i = 0; i < taken.count; ++i) {
    Entry entry = pool_.at(taken.index).entries[i];
    Node& node = nodes_[entry.handle];
    --entries_;
    if (!node.Owns(entry)) {
      continue;
    }
    node.Unfile();
    if (!node.armed()) {
      continue;
    }
    if (node.deadline > tick) {
      File(entry.handle, node, node.deadline);
    } else {
      AddDue(entry.handle, node);
    }
  }
  pool_.Give(taken.index);
}

// Does a part of what would otherwise be due all at once: of each level, the slot that the cursor
// comes to next; of level 0, the next crowded one. Four times the pace that would just do, so that
// a caller who misses a few ticks is not punished; at least a few chunks, so that small slots are
// done at once.
void TimingWheel::WorkAhead() {
  auto share = [](uint32_t chunks, Tick ticks_left) {
    return std::max<uint64_t>(4, 4 * uint64_t{chunks} / ticks_left + 1);
  };
  for (int level = 1; level < kLevels; ++level) {
    Tick next = SlotOf(level) + 1;
    if (uint32_t chunks = levels_[level].slot(Ring(next)).chunks(); chunks > 0) {
      Cascade(level, next, share(chunks, (next << (8 * level)) - cursor_));
    }
  }
  Level& ticks = levels_[0];
  // Eight ticks are time enough for the nodes' cache lines to come, when ticks follow fast.
  ticks.slot(Ring(cursor_ + 8)).ForEach(pool_, 1, [this](Entry entry) {
    nodes_.Prefetch(entry.handle);
  });
  if (ticks.crowded().empty()) {
    return;
  }
  uint32_t distance = ticks.crowded().DistanceToFirst(Ring(cursor_));
  uint32_t index = Ring(cursor_ + distance);
  uint64_t chunks = share(ticks.slot(index).chunks(), distance + 1);
  for (uint64_t i = 0; i < chunks && ticks.occupied().Test(index); ++i) {
    PourChunk(ticks.TakeChunk(pool_, index), cursor_ + distance);
  }
}

}  // namespace timerd::wheel
