// A shard's log and state, recovered as the server does and checked against the model on the way.
#pragma once

#include <cstdint>
#include <memory>

#include "server/store/data_directory.h"
#include "server/store/kv_state_store.h"
#include "server/store/shard_log.h"
#include "tests/store/frames.h"

namespace timerd::store {

// A log of files so small that crashes meet their turns.
std::unique_ptr<ShardLog> OpenSmallLog(DataDirectory& directory, uint32_t shard,
                                       Durability durability);

class RecoveredShard {
 public:
  // Frames are applied when their sequence is a multiple of this.
  static constexpr uint64_t kGathered = 5;

  // Fails the test, naming what is wrong, unless the state in `kv` is what the first frames of
  // FrameMaker(shard, seed) add up to, and the log
  // has all frames from there on. Applies those.
  RecoveredShard(std::unique_ptr<ShardLog> log, OrderedKv& kv, uint32_t shard, uint64_t seed);

  // Appends, applies and trims one more frame; false if the store fails, which is no failure of the
  // test.
  bool Step();
  // Likewise.
  bool Checkpoint();

  // The last sequence in the log, and how many frames had to be applied.
  uint64_t log_end() const { return log_end_; }
  uint64_t replayed() const { return replayed_; }

 private:
  // Gathers `frame`, and applies when there are some.
  bool Take(const Frame& frame);

  FrameMaker maker_;
  std::unique_ptr<ShardLog> log_;
  std::unique_ptr<KvStateStore> state_;
  uint64_t log_end_ = 0;
  uint64_t applied_ = 0;
  uint64_t replayed_ = 0;
};

}  // namespace timerd::store
