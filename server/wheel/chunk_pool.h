// Where the slots' entries live: fixed-size chunks, handed out and taken back by 32-bit index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "server/wheel/types.h"

namespace timerd::wheel {

// What a slot holds about one handle. `stamp` says which filing of the handle this was; see Node.
struct Entry {
  Handle handle;
  uint32_t stamp;
};

using ChunkIndex = uint32_t;
inline constexpr ChunkIndex kNoChunk = ~ChunkIndex{0};

// Four cache lines. `next` chains the chunks of a list, and the free ones.
struct alignas(64) Chunk {
  static constexpr uint32_t kEntries = 31;

  ChunkIndex next;
  Entry entries[kEntries];
};
static_assert(sizeof(Chunk) == 256);

// Grows by a block at a time, so a chunk never moves and no call copies what is there. Chunks given
// back are taken again, the hottest first; blocks go back to the system with the pool.
class ChunkPool {
 public:
  ChunkIndex Take() {
    ++in_use_;
    if (free_ != kNoChunk) {
      ChunkIndex index = free_;
      free_ = at(index).next;
      return index;
    }
    return TakeFresh();
  }

  void Give(ChunkIndex index) {
    --in_use_;
    at(index).next = free_;
    free_ = index;
  }

  Chunk& at(ChunkIndex index) { return blocks_[index / kBlock][index % kBlock]; }
  const Chunk& at(ChunkIndex index) const { return blocks_[index / kBlock][index % kBlock]; }

  size_t in_use() const { return in_use_; }
  size_t bytes() const { return blocks_.size() * kBlock * sizeof(Chunk); }

 private:
  static constexpr ChunkIndex kBlock = 256;

  ChunkIndex TakeFresh();

  std::vector<std::unique_ptr<Chunk[]>> blocks_;
  ChunkIndex free_ = kNoChunk;
  ChunkIndex fresh_ = 0;  // the chunks from here on have never been taken
  size_t in_use_ = 0;
};

}  // namespace timerd::wheel
