// A hierarchical timing wheel over integers: which of many deadlines is due next.
//
// Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987, scheme 7.
//
// Four levels of slots. A slot of level L is 256^L ticks wide, and 256 such slots make a window.
// Each level holds the window that the cursor is in and the one after it, 512 slots; an entry
// stands in the lowest level that reaches its tick. When the cursor comes to a slot of a higher
// level, the slot's entries cascade to the levels below. What is 2^31 ticks away or more waits in a
// queue for far deadlines.
//
//     level 2   |               slot                |           next slot ...
//     level 1   | window, 256 slots                 | next window, already open: the
//     level 0    c| window | next window, open      |  next slot above drains into it
//
// Three departures from the paper:
// - Lazy. The caller's handle names a Node, 16 bytes; slots hold 8-byte entries that point to
// nodes,
//   in chunks. Disarm writes one word of the node and leaves the entry where it is, to be dropped
//   when it comes up. Arm for later than the entry stands can do the same, and the entry moves when
//   it comes up: a heartbeat costs one cache line and makes no garbage. When dead entries outnumber
//   the live ones, new entries pay for sweeping old ones.
// - Incremental. Because the next window is open, a crowded slot can cascade a few chunks at a time
//   over the whole window before it is due; so can the slot of one crowded tick go to the due
//   queue. A caller that comes at each NextWake() never waits for more than a few chunks (ratas by
//   J. Snellman bounds the work too, by making the caller come back).
// - Ordered. A slot whose tick has come is poured into a queue ordered by (deadline, place), and so
//   is what is armed in the past. Whatever way an entry took, it comes out in its place.
//
// And no cache line is waited for that can be asked for before: a change is put off until a few
// more have been made, or until the next question that it could matter to (so questions are not
// const); what the next ticks and the sweep will read is under way while there is other work to do.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/base/check.h"
#include "server/wheel/chunk_pool.h"
#include "server/wheel/due_queue.h"
#include "server/wheel/level.h"
#include "server/wheel/node.h"
#include "server/wheel/pages.h"
#include "server/wheel/put_off.h"
#include "server/wheel/types.h"

namespace timerd::wheel {

// Used by one thread at a time. Holds memory for the most entries and the handles it has ever seen;
// gives none of it back before the end, but uses it again.
class TimingWheel {
 public:
  explicit TimingWheel(Tick now);
  TimingWheel(const TimingWheel&) = delete;
  TimingWheel& operator=(const TimingWheel&) = delete;

  // Arms `handle` for `deadline`, replacing any earlier arming. O(1) amortised; moves or copies no
  // more than a few chunks. A deadline not after now() is due at once: the next PopExpired() sees
  // it, in its place in the order. Places are unique among what is armed, and come in any order.
  // REQUIRES: deadline != kNever.
  void Arm(Handle handle, Tick deadline, Place place) {
    TIMERD_CHECK(deadline != kNever);
    if (handle >= nodes_.size()) {
      nodes_.Extend(size_t{handle} + 1);
    }
    PutOffChange({handle, deadline, place});
  }
  // Does nothing when `handle` is not armed. O(1), one cache line.
  void Disarm(Handle handle) {
    if (handle < nodes_.size()) {
      PutOffChange({handle, kNever, 0});
    }
  }
  bool IsArmed(Handle handle);

  // Takes out the first entry, by (deadline, place), whose deadline is not after `limit`, and moves
  // now() forward to that deadline; moves now() forward to `limit` and returns false when there is
  // none. now() never goes back. A limit of kNever counts as kNever - 1.
  //
  // O(1) amortised. A jump over many ticks pays for all the slots on the way at once.
  bool PopExpired(Tick limit, Expired* expired);

  // A tick at which it is worth calling PopExpired() again: never after the earliest armed
  // deadline, and exactly that, or the tick of an entry that has since moved or died, when it is
  // within 256 ticks. May be earlier to cascade a slot, never more than a few times for each, or
  // once a tick while a crowded slot is poured out in parts. kNever when nothing is armed. A few
  // dozen instructions.
  Tick NextWake();

  Tick now() const { return now_; }
  // How many handles are armed.
  size_t size() {
    Settle();
    return size_;
  }
  // Entries held, live and dead: no more than about 3 x the most ever armed + 128k.
  size_t entries() {
    Settle();
    return entries_ + due_.size() + far_.size();
  }
  // Of entries(), those in the due queue already: popped soon, or poured ahead from a crowded slot.
  size_t poured() {
    Settle();
    return due_.size();
  }
  size_t bytes() const {
    return nodes_.bytes() + pool_.bytes() + due_.bytes() + far_.bytes() + sizeof(*this);
  }

  // Ends the process when the structure contradicts itself. O(n); for tests.
  void CheckInvariants();

 private:
  static constexpr int kLevels = 4;
  // Dead entries that are always tolerated, so that a small wheel never sweeps.
  static constexpr size_t kSlack = 65'536;
  // The sweep goes round all slots, level by level.
  static constexpr uint32_t kLists = kLevels * kSlots;

  Tick SlotOf(int level) const { return cursor_ >> (8 * level); }
  static uint32_t Ring(Tick slot) { return static_cast<uint32_t>(slot % kSlots); }

  // When the cursor passes this tick, the slot is poured, or cascades: the tick itself in level 0,
  // else the last one before the slot that comes before it, so that it is done in good time.
  // REQUIRES: in a higher level, the slot is not the next one.
  static Tick EventOf(int level, Tick slot) {
    return level == 0 ? slot : ((slot - 1) << (8 * level)) - 1;
  }

  void PutOffChange(const Change& change) {
    nodes_.Prefetch(change.handle);
    if (put_off_.full()) {
      Apply(put_off_.Take());
    }
    put_off_.Add(change);
  }
  void Settle();
  void Apply(const Change& change);

  // Filing: see filing.cc.
  void File(Handle handle, Node& node, Tick tick);
  void PutInLevel(Entry entry, Tick tick);
  void Enqueue(Handle handle, Node& node, Tick deadline);
  void PrefetchNodes(const Batch& batch) const;

  // Dead entries: see sweep.cc.
  void SweepSome();
  void BeginSweepOfNextList();
  void SweepQueues();

  // Time going by: see advance.cc.
  bool PopDue(Tick limit, Expired* expired);
  void Step(Tick limit);
  void MoveCursor(Tick to);
  void FetchFar();
  void Pour(Tick tick);
  void PourBatch(const Batch& batch, Tick tick);
  void Cascade(int level, Tick slot, uint64_t max_chunks);
  void WorkAhead();
  void LookAhead();
  void Survey();

  Tick now_;
  // The first tick whose slot has not been poured into `due_`; between calls always now_ + 1.
  Tick cursor_;
  // Not after the first tick with something to do when the cursor passes it: a slot to pour or to
  // cascade, or a far deadline that becomes near.
  Tick next_event_ = kNever;
  // Not after the first tick at which there is a crowded slot to go on with.
  Tick next_ahead_ = kNever;
  Tick looked_ = 0;  // the nodes of the ticks before this have been asked for
  size_t size_ = 0;
  size_t due_live_ = 0;  // of size_, those whose item is in due_
  size_t far_live_ = 0;  // and in far_; the others have their entry in the levels
  size_t entries_ = 0;   // in the levels
  PagedArray<Node> nodes_;
  ChunkPool pool_;
  std::array<Level, kLevels> levels_;
  DueQueue due_;
  DueQueue far_;
  std::vector<Expired> poured_;  // scratch
  PutOff put_off_;
  uint32_t filings_ = 0;
  uint32_t sweep_list_ = 0;
  uint32_t sweep_chunks_ = 0;  // left to do in that list
};

}  // namespace timerd::wheel
