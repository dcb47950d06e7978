#include "server/memory_plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/byte_size.h"

namespace timerd {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kProgram = 112 * kMiB;
// Below it, tables of a MiB or two would be made all the time.
constexpr uint64_t kLeastShared = kLeastMemoryBudget - kProgram;
// Some hundred handles, or a few with large payloads.
constexpr uint64_t kLeastOfShard = kMiB;
// Where much is written it passes memtables by.
constexpr uint64_t kLargestWriteBuffer = 16 * kMiB;
// Larger ones would make whoever wants them applied wait.
constexpr uint64_t kMostGathered = 16 * kMiB;

}  // namespace

absl::StatusOr<MemoryPlan> PlanMemory(uint64_t budget, uint32_t shards) {
  // Residents get nine sixteenths.
  const uint64_t least = kProgram + std::max(kLeastShared, kLeastOfShard * shards * 16 / 9);
  if (budget < least) {
    // Rounded up, so that what is named does.
    return absl::InvalidArgumentError(absl::StrCat(
        "--memory-budget=", FormatByteSize(budget), " is too little for ", shards,
        shards == 1 ? " shard" : " shards", "; use ", (least + kMiB - 1) / kMiB, "MiB or more"));
  }
  const uint64_t shared = budget - kProgram;
  MemoryPlan plan;
  plan.write_buffer_bytes = std::min(shared / 24, kLargestWriteBuffer);
  plan.block_cache_bytes = shared * 3 / 16;
  plan.gathered_bytes = std::min(shared / 12 / std::max(shards, 1U), kMostGathered);
  plan.resident_bytes = shared - 2 * plan.write_buffer_bytes - plan.block_cache_bytes -
                        2 * shards * plan.gathered_bytes;
  return plan;
}

}  // namespace timerd
