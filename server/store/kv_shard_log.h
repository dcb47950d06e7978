// A ShardLog in a key-value store.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "server/store/ordered_kv.h"
#include "server/store/shard_log.h"

namespace timerd::store {

class KvShardLog final : public ShardLog {
 public:
  // Finds the end of the log, in a few dozen lookups. Frames are appended with `durability`. `kv`
  // must outlive the log; one log per shard and `kv` at a time.
  static absl::StatusOr<std::unique_ptr<KvShardLog>> Open(OrderedKv& kv, uint32_t shard,
                                                          Durability durability);

  // FailedPrecondition for a frame of another shard or out of sequence; the log then goes on.
  absl::Status Append(const Frame& frame) override;
  absl::Status Read(uint64_t from, absl::FunctionRef<absl::Status(const Frame&)> visit) override;
  // The state store is in the same key-value store, of which a crash leaves a prefix: so these
  // deletions never outlive what was applied before them.
  absl::Status Trim(uint64_t through) override;

 private:
  KvShardLog(OrderedKv& kv, uint32_t shard, Durability durability, uint64_t first, uint64_t last)
      : kv_(kv), shard_(shard), durability_(durability), first_(first), last_(last) {}

  OrderedKv& kv_;
  const uint32_t shard_;
  const Durability durability_;
  uint64_t first_;  // no frame is before it; Append()'s while the log is empty, else Trim()'s
  std::atomic<uint64_t> last_;  // 0: the log is empty
};

}  // namespace timerd::store
