#include "tests/store/recovery.h"

#include <utility>

#include "gtest/gtest.h"
#include "server/base/check.h"

namespace timerd::store {

std::unique_ptr<ShardLog> OpenSmallLog(DataDirectory& directory, uint32_t shard,
                                       Durability durability) {
  auto log = directory.OpenLog(shard, durability, {.segment_bytes = 64 << 10});
  EXPECT_TRUE(log.ok()) << log.status();
  return *std::move(log);
}

RecoveredShard::RecoveredShard(std::unique_ptr<ShardLog> log, OrderedKv& kv, uint32_t shard,
                               uint64_t seed)
    : maker_(shard, seed + shard), log_(std::move(log)) {
  auto state = KvStateStore::Open(kv, shard);
  TIMERD_CHECK(state.ok());
  state_ = *std::move(state);

  const Position position = *state_->position();
  const uint64_t applied = position.sequence();
  for (uint64_t i = 0; i < applied; ++i) {
    maker_.Next();
  }
  EXPECT_TRUE(Contents(*state_) == maker_.model())
      << "shard " << shard << ": the state is not what " << applied << " frames add up to";
  log_end_ = applied;
  const absl::Status read = log_->Read(applied + 1, [&](const Frame& frame) {
    EXPECT_EQ(frame.SerializeAsString(), maker_.Next().SerializeAsString());
    ++log_end_;
    ++replayed_;
    return Take(frame) ? absl::OkStatus() : absl::InternalError("applying a frame failed");
  });
  EXPECT_TRUE(read.ok()) << read;
  EXPECT_TRUE(state_->Apply().ok());
  EXPECT_TRUE(Contents(*state_) == maker_.model())
      << "shard " << shard << ": the state is not what " << log_end_ << " frames add up to";
}

bool RecoveredShard::Step() {
  const Frame frame = maker_.Next();
  if (!log_->Append(frame).ok()) {
    return false;
  }
  log_end_ = frame.sequence();
  return Take(frame) && log_->Trim(applied_).ok();
}

bool RecoveredShard::Take(const Frame& frame) {
  if (!state_->Gather(frame).ok()) {
    return false;
  }
  if (frame.sequence() % kGathered != 0) {
    return true;
  }
  const absl::StatusOr<uint64_t> applied = state_->Apply();
  applied_ = applied.value_or(applied_);
  return applied.ok();
}

bool RecoveredShard::Checkpoint() { return state_->Checkpoint().ok(); }

}  // namespace timerd::store
