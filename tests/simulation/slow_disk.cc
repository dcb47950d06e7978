#include "tests/simulation/slow_disk.h"

#include <utility>

#include "server/base/status.h"

namespace timerd::simulation {

absl::StatusOr<reactor::Recovered> SlowDisk::Open() {
  TIMERD_ASSIGN_OR_RETURN(log_,
                          store::KvShardLog::Open(kv_, shard_index_, store::Durability::kSync));
  TIMERD_ASSIGN_OR_RETURN(state_, store::KvStateStore::Open(kv_, shard_index_));
  TIMERD_ASSIGN_OR_RETURN(reactor::Recovered recovered, reactor::Recover(*log_, *state_));
  taken_ = appended_ = durable_ = applied_ = told_applied_ = recovered.position.sequence();
  return recovered;
}

void SlowDisk::Crash(store::CrashingKv::CrashKind kind) {
  log_.reset();
  state_.reset();
  kv_.Crash(kind);
  to_append_.clear();
  to_apply_.clear();
}

void SlowDisk::Take(store::Frame frame) {
  taken_ = frame.sequence();
  to_append_.push_back(std::move(frame));
}

absl::Status SlowDisk::AppendNext() {
  if (to_append_.empty()) {
    return absl::OkStatus();
  }
  TIMERD_RETURN_IF_ERROR(log_->Append(to_append_.front()));
  appended_ = to_append_.front().sequence();
  to_apply_.push_back(std::move(to_append_.front()));
  to_append_.pop_front();
  return absl::OkStatus();
}

absl::Status SlowDisk::ApplyNext() {
  for (; !to_apply_.empty() && to_apply_.front().sequence() <= durable_; to_apply_.pop_front()) {
    TIMERD_RETURN_IF_ERROR(state_->Gather(to_apply_.front()));
  }
  TIMERD_ASSIGN_OR_RETURN(applied_, state_->Apply());
  return log_->Trim(applied_);
}

void SlowDisk::TellDurable(reactor::Shard& shard) {
  while (durable_ < appended_) {
    shard.OnDurable(++durable_);
  }
}

void SlowDisk::TellApplied(reactor::Shard& shard) {
  while (told_applied_ < applied_) {
    shard.OnApplied(++told_applied_);
  }
}

}  // namespace timerd::simulation
