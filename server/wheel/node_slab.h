// What the wheel knows about each handle, and where: 24 bytes, usually one cache line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "server/wheel/chunk_pool.h"
#include "server/wheel/types.h"

namespace timerd::wheel {

// Ticks of one block share all but the low 48 bits. The levels span the cursor's block only.
inline constexpr int kBlockBits = 48;
inline constexpr Tick kBlockMask = (Tick{1} << kBlockBits) - 1;
// An entry's stamp has this much of its tick.
inline constexpr int kStampTickBits = 24;
inline constexpr Tick kStampTickMask = (Tick{1} << kStampTickBits) - 1;

// `filing` tells which of the entries that name this handle is the current one: bit 63 says whether
// there is one at all, bits 8 to 55 are the tick it is filed under, bits 0 to 7 count filings. The
// low half is the entry's stamp. An old entry is taken for the current one only if it was filed a
// multiple of 256 filings ago under the same tick modulo 2^24; that does no harm, because what is
// done about an entry depends on the node alone: the first to come consumes the filing.
struct Node {
  Tick deadline = kNever;  // kNever: not armed
  Place place = 0;
  uint64_t filing = 0;

  static constexpr uint64_t kFiled = uint64_t{1} << 63;

  bool armed() const { return deadline != kNever; }
  bool filed() const { return (filing & kFiled) != 0; }
  bool Owns(Entry entry) const {
    return (filing & (kFiled | 0xffffffff)) == (kFiled | uint64_t{entry.stamp});
  }
  // Within its block.
  Tick filed_tick() const { return (filing >> 8) & kBlockMask; }
  // Returns the stamp of the new filing.
  uint32_t File(Tick tick) {
    filing = kFiled | ((tick & kBlockMask) << 8) | ((filing + 1) & 0xff);
    return static_cast<uint32_t>(filing);
  }
  void Unfile() { filing &= ~kFiled; }
};
static_assert(sizeof(Node) == 24);

// Grows by a block at a time, so a node never moves and no call copies what is there.
class NodeSlab {
 public:
  // The node of a handle that was given to Touch() before.
  Node& operator[](Handle handle) { return blocks_[handle / kBlock][handle % kBlock]; }
  const Node& operator[](Handle handle) const { return blocks_[handle / kBlock][handle % kBlock]; }

  // Makes the node when there is none.
  Node& Touch(Handle handle) {
    if (!Has(handle)) {
      AddBlock(handle / kBlock);
    }
    return (*this)[handle];
  }
  bool Has(Handle handle) const {
    return handle / kBlock < blocks_.size() && blocks_[handle / kBlock] != nullptr;
  }
  size_t bytes() const { return held_ * kBlock * sizeof(Node); }

  // Asks for the node's cache line. A builtin would do, but g++ 12 at -O3 drops calls to functions
  // whose only effect is a loop of them.
  void Prefetch(Handle handle) const {
#if defined(__x86_64__)
    asm volatile("prefetcht0 %0" ::"m"((*this)[handle]));
#else
    __builtin_prefetch(&(*this)[handle]);
#endif
  }

  // Calls `visit(handle, node)` for every node there is.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (size_t b = 0; b < blocks_.size(); ++b) {
      for (size_t i = 0; blocks_[b] != nullptr && i < kBlock; ++i) {
        visit(static_cast<Handle>(b * kBlock + i), blocks_[b][i]);
      }
    }
  }

 private:
  static constexpr size_t kBlock = 4096;

  void AddBlock(size_t index) {
    if (index >= blocks_.size()) {
      blocks_.resize(index + 1);
    }
    blocks_[index] = std::make_unique<Node[]>(kBlock);
    ++held_;
  }

  std::vector<std::unique_ptr<Node[]>> blocks_;
  size_t held_ = 0;
};

}  // namespace timerd::wheel
