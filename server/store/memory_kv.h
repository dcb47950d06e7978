// An OrderedKv in RAM: for --durability=none and for tests.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/store/ordered_kv.h"

namespace timerd::store {

// Nothing survives the process, whatever durability is asked for. Writes and reads cost O(log n)
// under one lock. A scan takes the lock for one page of keys at a time and calls its visitor
// without it; while any scan is under way, what is overwritten or deleted is kept for it.
class MemoryKv final : public OrderedKv {
 public:
  absl::Status Write(const WriteBatch& batch, Durability durability) override;
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override;
  absl::StatusOr<Values> GetMany(absl::Span<const std::string> keys) const override;
  absl::Status Scan(
      absl::string_view first, absl::string_view last,
      absl::FunctionRef<bool(absl::string_view key, absl::string_view value)> visit) const override;
  absl::Status Flush() override { return absl::OkStatus(); }

 private:
  std::optional<std::string> ValueOf(absl::string_view key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  struct Version {
    uint64_t written = 0;  // the number of the write that made it
    std::optional<std::string> value;
    std::unique_ptr<Version> older;
  };
  using Entries = std::map<std::string, Version, std::less<>>;

  void Set(const std::string& key, std::optional<std::string> value)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndScan() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  mutable Entries entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t writes_ ABSL_GUARDED_BY(mutex_) = 0;
  mutable int scans_ ABSL_GUARDED_BY(mutex_) = 0;  // under way
  // Keys with an older version or a deletion that only a scan still needs.
  mutable std::vector<std::string> superseded_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace timerd::store
