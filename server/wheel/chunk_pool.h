// Where the slots' entries live: fixed-size chunks, handed out and taken back by 32-bit index.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/base/check.h"
#include "server/wheel/pages.h"
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

// Chunks given back are taken again, the hottest first; memory goes back to the system with the
// pool. A chunk may move when another is taken.
class ChunkPool {
 public:
  ChunkIndex Take() {
    ++in_use_;
    if (free_ != kNoChunk) {
      ChunkIndex index = free_;
      free_ = chunks_[index].next;
      return index;
    }
    TIMERD_CHECK(chunks_.size() < kNoChunk);
    chunks_.Extend(chunks_.size() + 1);
    return static_cast<ChunkIndex>(chunks_.size() - 1);
  }

  void Give(ChunkIndex index) {
    --in_use_;
    chunks_[index].next = free_;
    free_ = index;
  }

  Chunk& at(ChunkIndex index) { return chunks_[index]; }
  const Chunk& at(ChunkIndex index) const { return chunks_[index]; }
  void Prefetch(ChunkIndex index) const { chunks_.Prefetch(index); }

  size_t in_use() const { return in_use_; }
  size_t bytes() const { return chunks_.bytes(); }

 private:
  PagedArray<Chunk> chunks_;
  ChunkIndex free_ = kNoChunk;
  size_t in_use_ = 0;
};

}  // namespace timerd::wheel
