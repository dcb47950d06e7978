// What the wheel knows about each handle: 16 bytes, never across two cache lines.
#pragma once

#include <cstdint>

#include "server/wheel/chunk_pool.h"
#include "server/wheel/types.h"

namespace timerd::wheel {

// Deadlines less than 2^31 ticks after the cursor are near: 24 days, if a tick is a millisecond.
// The levels hold these, and 31 bits tell them apart.
inline constexpr int kReachBits = 31;
inline constexpr Tick kReach = Tick{1} << kReachBits;
// An entry's stamp has this much of its tick.
inline constexpr int kStampTickBits = 24;
inline constexpr Tick kStampTickMask = (Tick{1} << kStampTickBits) - 1;

// A handle is armed or not; and apart from that, what points to it is an entry in the levels or an
// item in one of the queues. Disarming leaves it there, and so a node may be filed but not armed.
//
//   due      1 bit armed | 31 bits of the deadline, kept when disarmed
//   filing   2 bits where | 6 bits that count filings | 24 bits of its tick, if it is in the
//            levels; else the deadline's 24 bits above those in `due`
//
// `filing` is the stamp of the current entry. An old entry is taken for the current one only if it
// was filed a multiple of 64 filings ago under the same tick modulo 2^24; that does no harm,
// because what is done about an entry depends on the node alone: the first to come consumes the
// filing.
struct Node {
  Place place;
  uint32_t due;
  uint32_t filing;

  enum Where : uint32_t { kNowhere = 0, kDue = 1u << 30, kFar = 2u << 30, kLevels = 3u << 30 };

  bool armed() const { return (due & kArmed) != 0; }
  Where where() const { return static_cast<Where>(filing & kLevels); }
  bool filed() const { return where() == kLevels; }
  bool Owns(Entry entry) const { return filing == entry.stamp; }
  bool IsIn(Where queue, const Expired& item) const {
    return armed() && where() == queue && place == item.place && due == DueOf(item.deadline) &&
           (filing & kStampTickMask) == (item.deadline >> kReachBits & kStampTickMask);
  }

  // REQUIRES: filed().
  Tick Deadline(Tick cursor) const { return cursor + ((due - cursor) & (kReach - 1)); }
  // The tick it is filed under, or a later one, but not after its deadline: exact unless it was
  // filed 2^24 ticks before that. REQUIRES: filed().
  Tick FiledBy(Tick cursor) const {
    const Tick deadline = Deadline(cursor);
    return deadline - ((deadline - filing) & kStampTickMask);
  }

  void Arm(Tick deadline, Place new_place) {
    place = new_place;
    due = DueOf(deadline);
  }
  void Disarm() { due &= ~kArmed; }
  // Returns the stamp of the new entry.
  uint32_t File(Tick tick) { return filing = NextCount(kLevels, tick); }
  void Enqueue(Where queue, Tick deadline) { filing = NextCount(queue, deadline >> kReachBits); }
  void Unfile() { filing &= ~uint32_t{kLevels}; }

 private:
  static constexpr uint32_t kArmed = 1u << kReachBits;
  static constexpr uint32_t kOneFiling = 1u << kStampTickBits;
  static constexpr uint32_t kCountMask = 63u << kStampTickBits;

  static uint32_t DueOf(Tick deadline) { return kArmed | static_cast<uint32_t>(deadline); }
  uint32_t NextCount(Where where, Tick low_bits) const {
    return where | ((filing + kOneFiling) & kCountMask) |
           static_cast<uint32_t>(low_bits & kStampTickMask);
  }
};
static_assert(sizeof(Node) == 16);

// The tick of an entry: known to be in the 2^24 ticks from `start`, a multiple of 2^24.
inline Tick TickOf(Entry entry, Tick start) {
  return (start & ~kStampTickMask) | (entry.stamp & kStampTickMask);
}

}  // namespace timerd::wheel
