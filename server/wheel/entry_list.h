// One slot's entries: a queue of chunks, all of them full but the last.
#pragma once

#include <algorithm>
#include <cstdint>

#include "server/wheel/chunk_pool.h"

namespace timerd::wheel {

// Up to a chunk of entries, cut off from a list: a copy, so the chunk is back in the pool.
struct Batch {
  uint32_t count = 0;
  Entry entries[Chunk::kEntries];

  const Entry* begin() const { return entries; }
  const Entry* end() const { return entries + count; }
};

// Entries are in no order that matters. 16 bytes; does not own its chunks, the pool does.
class EntryList {
 public:
  bool empty() const { return head_ == kNoChunk; }
  uint32_t chunks() const { return chunks_; }

  // Touches one line of the list's last chunk. Returns whether it took a chunk from `pool`.
  bool Append(ChunkPool& pool, Entry entry) {
    if (tail_count_ < Chunk::kEntries) {
      pool.at(tail_).entries[tail_count_++] = entry;
      return false;
    }
    ChunkIndex index = pool.Take();
    Chunk& chunk = pool.at(index);
    chunk.next = kNoChunk;
    chunk.entries[0] = entry;
    if (empty()) {
      head_ = index;
    } else {
      pool.at(tail_).next = index;
    }
    tail_ = index;
    tail_count_ = 1;
    ++chunks_;
    return true;
  }

  // Moves the first chunk's entries to `batch`, and asks for the next chunk's lines.
  // REQUIRES: not empty().
  void Take(ChunkPool& pool, Batch& batch) {
    const ChunkIndex first = head_;
    batch.count = head_ == tail_ ? tail_count_ : Chunk::kEntries;
    std::copy_n(pool.at(first).entries, batch.count, batch.entries);
    if (head_ == tail_) {
      *this = EntryList();
    } else {
      head_ = pool.at(first).next;
      pool.Prefetch(head_);
      --chunks_;
    }
    pool.Give(first);
  }

  // Calls `visit(entry)` for the entries of the first chunk, and asks for the lines of the second.
  template <typename Visit>
  void LookAhead(const ChunkPool& pool, Visit visit) const {
    ForEach(pool, 1, visit);
    if (head_ != tail_) {
      pool.Prefetch(pool.at(head_).next);
    }
  }

  // Calls `visit(entry)` for the entries of the first chunk, then of the next, up to `max_chunks`.
  template <typename Visit>
  void ForEach(const ChunkPool& pool, uint32_t max_chunks, Visit visit) const {
    ChunkIndex index = head_;
    for (uint32_t i = 0; i < max_chunks && index != kNoChunk; ++i) {
      const Chunk& chunk = pool.at(index);
      uint32_t count = index == tail_ ? tail_count_ : Chunk::kEntries;
      for (uint32_t k = 0; k < count; ++k) {
        visit(chunk.entries[k]);
      }
      index = index == tail_ ? kNoChunk : chunk.next;
    }
  }

 private:
  ChunkIndex head_ = kNoChunk;
  ChunkIndex tail_ = kNoChunk;
  // An empty list counts as full: Append() then has one question to ask, not two.
  uint32_t tail_count_ = Chunk::kEntries;
  uint32_t chunks_ = 0;
};

}  // namespace timerd::wheel
