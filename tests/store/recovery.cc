#include "tests/store/recovery.h"

#include "gtest/gtest.h"
#include "server/base/check.h"

namespace timerd::store {

RecoveredShard::RecoveredShard(OrderedKv& kv, uint32_t shard, uint64_t seed, Durability durability)
    : maker_(shard, seed + shard) {
  auto log = KvShardLog::Open(kv, shard, durability);
  TIMERD_CHECK(log.ok());
  log_ = *std::move(log);
  auto state = KvStateStore::Open(kv, shard);
  TIMERD_CHECK(state.ok());
  state_ = *std::move(state);

  const uint64_t applied = state_->position()->sequence();
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
    return state_->Apply(frame);
  });
  EXPECT_TRUE(read.ok()) << read;
  EXPECT_TRUE(Contents(*state_) == maker_.model())
      << "shard " << shard << ": the state is not what " << log_end_ << " frames add up to";
}

bool RecoveredShard::Step() {
  const Frame frame = maker_.Next();
  if (!log_->Append(frame).ok()) {
    return false;
  }
  log_end_ = frame.sequence();
  return state_->Apply(frame).ok() && log_->Trim(log_end_).ok();
}

bool RecoveredShard::Checkpoint() { return state_->Checkpoint().ok(); }

}  // namespace timerd::store
