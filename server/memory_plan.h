// What becomes of --memory-budget.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"

namespace timerd {

inline constexpr uint64_t kDefaultMemoryBudget = uint64_t{1} << 30;
inline constexpr uint64_t kLeastMemoryBudget = uint64_t{144} << 20;
inline constexpr uint64_t kMostMemoryBudget = uint64_t{1} << 40;

// In bytes.
struct MemoryPlan {
  size_t write_buffer_bytes = 0;  // one memtable of RocksDB, of two
  size_t block_cache_bytes = 0;
  size_t gathered_bytes = 0;  // a batch of changes to be applied; two for each shard
  size_t resident_bytes = 0;  // handles in memory, of all shards
};

// Shares out `budget` over what grows to take all that it is given. 112 MiB go to what does not:
// the program, its threads, and a usual number of connections, streams and requests under way.
// InvalidArgument, with the least that would do, if that leaves too little for `shards` shards, of
// which there may be none as yet.
absl::StatusOr<MemoryPlan> PlanMemory(uint64_t budget, uint32_t shards);

}  // namespace timerd
