// The log and the state of one shard on a disk that goes at its own pace and loses what a crash may
// lose.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "absl/status/statusor.h"
#include "server/reactor/recovery.h"
#include "server/reactor/shard.h"
#include "server/store/kv_shard_log.h"
#include "server/store/kv_state_store.h"
#include "tests/support/crashing_kv.h"

namespace timerd::simulation {

class SlowDisk {
 public:
  SlowDisk(uint64_t seed, uint32_t shard) : kv_(seed), shard_index_(shard) {}

  // What a server that starts finds. To be called first, and after each crash.
  absl::StatusOr<reactor::Recovered> Open();
  void Crash(store::CrashingKv::CrashKind kind);

  // A frame of the shard's, to be written when its turn comes.
  void Take(store::Frame frame);
  // The next frame goes into the log, or all that are known to be there into the state.
  absl::Status AppendNext();
  absl::Status ApplyNext();
  // The shard learns how far they have come.
  void TellDurable(reactor::Shard& shard);
  void TellApplied(reactor::Shard& shard);
  absl::Status Checkpoint() { return state_->Checkpoint(); }

  store::StateStore& state() { return *state_; }
  uint64_t taken() const { return taken_; }        // the last frame taken,
  uint64_t appended() const { return appended_; }  // in the log,
  uint64_t durable() const { return durable_; }    // known by the shard to be in the log,
  uint64_t applied() const { return applied_; }    // in the state
  bool IsIdle() const { return told_applied_ == taken_; }

 private:
  store::CrashingKv kv_;
  const uint32_t shard_index_;
  std::unique_ptr<store::KvShardLog> log_;
  std::unique_ptr<store::KvStateStore> state_;
  std::deque<store::Frame> to_append_;
  std::deque<store::Frame> to_apply_;
  uint64_t taken_ = 0;
  uint64_t appended_ = 0;
  uint64_t durable_ = 0;
  uint64_t applied_ = 0;
  uint64_t told_applied_ = 0;
};

}  // namespace timerd::simulation
