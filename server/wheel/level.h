// One ring of the wheel: 512 slots and the bitmaps that find the next occupied one.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "server/wheel/entry_list.h"

namespace timerd::wheel {

inline constexpr uint32_t kSlots = 512;

// 512 bits and a summary: finding the next one takes a few instructions, wherever it is.
class SlotBitmap {
 public:
  bool empty() const { return summary_ == 0; }
  bool Test(uint32_t index) const { return (words_[index / 64] >> (index % 64)) & 1; }
  void Set(uint32_t index) {
    words_[index / 64] |= uint64_t{1} << (index % 64);
    summary_ |= static_cast<uint8_t>(1u << (index / 64));
  }
  void Clear(uint32_t index) {
    words_[index / 64] &= ~(uint64_t{1} << (index % 64));
    if (words_[index / 64] == 0) {
      summary_ &= static_cast<uint8_t>(~(1u << (index / 64)));
    }
  }
  // How many steps up from `from`, around the ring, the first set bit is; 0 when it is `from`.
  // REQUIRES: not empty().
  uint32_t DistanceToFirst(uint32_t from) const {
    uint32_t word = from / 64;
    uint32_t bit = from % 64;
    if (uint64_t rest = words_[word] >> bit; rest != 0) {
      return static_cast<uint32_t>(std::countr_zero(rest));
    }
    // The words after this one; this one comes last, for its bits below `from`.
    uint8_t later = std::rotr(summary_, static_cast<int>((word + 1) % 8));
    uint32_t skip = static_cast<uint32_t>(std::countr_zero(later)) + 1;
    uint64_t found = words_[(word + skip) % 8];
    return skip * 64 - bit + static_cast<uint32_t>(std::countr_zero(found));
  }

 private:
  std::array<uint64_t, kSlots / 64> words_{};
  uint8_t summary_ = 0;
};

class Level {
 public:
  // A slot of more chunks than this is worth starting on before it is due.
  static constexpr uint32_t kCrowded = 16;

  bool empty() const { return occupied_.empty(); }
  const EntryList& slot(uint32_t index) const { return slots_[index]; }
  const SlotBitmap& occupied() const { return occupied_; }
  const SlotBitmap& crowded() const { return crowded_; }

  // Returns whether it took a chunk from `pool`.
  bool Append(ChunkPool& pool, uint32_t index, Entry entry) {
    bool took_chunk = slots_[index].Append(pool, entry);
    if (took_chunk) {
      Mark(index);
    }
    return took_chunk;
  }
  // REQUIRES: slot `index` is occupied.
  void Take(ChunkPool& pool, uint32_t index, Batch& batch) {
    slots_[index].Take(pool, batch);
    Mark(index);
  }
  // Leaves the slot empty; its chunks are the caller's to give back.
  EntryList Detach(uint32_t index) {
    EntryList list = slots_[index];
    slots_[index] = EntryList();
    Mark(index);
    return list;
  }

 private:
  void Mark(uint32_t index) {
    uint32_t chunks = slots_[index].chunks();
    chunks > 0 ? occupied_.Set(index) : occupied_.Clear(index);
    chunks > kCrowded ? crowded_.Set(index) : crowded_.Clear(index);
  }

  std::array<EntryList, kSlots> slots_;
  SlotBitmap occupied_;
  SlotBitmap crowded_;
};

}  // namespace timerd::wheel
