#include "server/wheel/chunk_pool.h"

#include "server/base/check.h"

namespace timerd::wheel {

ChunkIndex ChunkPool::TakeFresh() {
  if (fresh_ == blocks_.size() * kBlock) {
    TIMERD_CHECK(fresh_ < kNoChunk - kBlock);
    // Not zeroed: a fresh block costs page faults only as its chunks are used.
    blocks_.push_back(std::make_unique_for_overwrite<Chunk[]>(kBlock));
  }
  return fresh_++;
}

}  // namespace timerd::wheel
