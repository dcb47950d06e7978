#include "tests/support/crashing_kv.h"

#include "server/base/check.h"
#include "server/base/status.h"

namespace timerd::store {
namespace {

// A copy of all that `from` holds into `to`.
void CopyAll(const MemoryKv& from, MemoryKv& to) {
  WriteBatch all;
  TIMERD_CHECK(from.Scan("", std::string(65, '\xff'),
                         [&](absl::string_view key, absl::string_view value) {
                           all.Put(std::string(key), std::string(value));
                           return true;
                         })
                   .ok());
  TIMERD_CHECK(to.Write(all, Durability::kMemory).ok());
}

}  // namespace

absl::Status CrashingKv::Admit() {
  if (until_failure_ > 0 && --until_failure_ == 0) {
    failed_ = true;
  }
  return failed_ ? absl::InternalError("planned failure of a write") : absl::OkStatus();
}

absl::Status CrashingKv::Write(const WriteBatch& batch, Durability durability) {
  MutexLock lock(mutex_);
  const bool failed_before = failed_;
  const absl::Status admitted = Admit();
  if (!failed_before) {
    since_flush_.push_back({batch, durability, !admitted.ok()});
  }
  TIMERD_RETURN_IF_ERROR(admitted);
  return current_->Write(batch, durability);
}

absl::StatusOr<std::optional<std::string>> CrashingKv::Get(absl::string_view key) const {
  return current_->Get(key);
}

absl::StatusOr<OrderedKv::Values> CrashingKv::GetMany(absl::Span<const std::string> keys) const {
  return current_->GetMany(keys);
}

absl::Status CrashingKv::Scan(
    absl::string_view first, absl::string_view last,
    absl::FunctionRef<bool(absl::string_view key, absl::string_view value)> visit) const {
  return current_->Scan(first, last, visit);
}

absl::Status CrashingKv::Flush() {
  MutexLock lock(mutex_);
  TIMERD_RETURN_IF_ERROR(Admit());
  for (const Entry& entry : since_flush_) {
    TIMERD_CHECK(flushed_.Write(entry.batch, entry.durability).ok());
  }
  since_flush_.clear();
  return absl::OkStatus();
}

void CrashingKv::Crash(CrashKind kind) {
  MutexLock lock(mutex_);
  const size_t count = since_flush_.size();
  const auto pick = [&](size_t least, size_t most) {
    return std::uniform_int_distribution<size_t>(least, most)(random_);
  };
  // What a table on disk holds, and how far the log reaches.
  const size_t tables_end = pick(0, count);
  size_t log_end = count;
  if (kind == CrashKind::kPower) {
    size_t synced_end = 0;
    for (size_t i = 0; i < count; ++i) {
      if (since_flush_[i].durability == Durability::kSync && !since_flush_[i].failed) {
        synced_end = i + 1;
      }
    }
    log_end = pick(synced_end, count);
  }
  for (size_t i = 0; i < count; ++i) {
    const Entry& entry = since_flush_[i];
    const bool logged = entry.durability != Durability::kMemory;
    const bool survives = entry.failed ? logged && i < log_end && pick(0, 1) == 1
                                       : i < tables_end || (logged && i < log_end);
    if (survives) {
      TIMERD_CHECK(flushed_.Write(entry.batch, entry.durability).ok());
    }
  }
  since_flush_.clear();
  current_ = std::make_unique<MemoryKv>();
  CopyAll(flushed_, *current_);
  until_failure_ = 0;
  failed_ = false;
}

void CrashingKv::FailWrite(uint64_t n) {
  TIMERD_CHECK(n > 0);
  MutexLock lock(mutex_);
  until_failure_ = n;
}

}  // namespace timerd::store
