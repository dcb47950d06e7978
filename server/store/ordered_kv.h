// What timerd needs of a key-value store: ordered keys, atomic batches, a journal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/store/write_batch.h"

namespace timerd::store {

// How far a write has come when Write() returns.
enum class Durability {
  // In the process's memory only. A crash of the process loses it, unless Flush() came after it.
  // What remains after a crash is always a prefix of the kMemory writes.
  kMemory,
  // Handed to the operating system: survives kill -9, not power loss.
  kOs,
  // Synced: survives power loss.
  kSync,
};

// Thread-safe: reads from any thread, beside writes from any thread. A failed Write() or Flush()
// leaves the store unusable: every later one fails too, so that nobody builds on half a write.
class OrderedKv {
 public:
  virtual ~OrderedKv() = default;

  // Applies `batch` as a whole, its changes in order.
  virtual absl::Status Write(const WriteBatch& batch, Durability durability) = 0;
  // The same at kMemory of a batch that is Compact(), for which there may be a shorter way.
  virtual absl::Status WriteSorted(const WriteBatch& batch) {
    return Write(batch, Durability::kMemory);
  }
  // The value of `key`, nothing if there is none.
  virtual absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const = 0;
  // The same for some keys, as they were at one moment; one by one would take longer.
  using Values = std::vector<std::optional<std::string>>;
  virtual absl::StatusOr<Values> GetMany(absl::Span<const std::string> keys) const = 0;
  // Calls `visit(key, value)` for the keys in [first, last) in ascending byte order, as they were
  // when Scan() began, until `visit` returns false. The views live until `visit` returns.
  virtual absl::Status Scan(
      absl::string_view first, absl::string_view last,
      absl::FunctionRef<bool(absl::string_view key, absl::string_view value)> visit) const = 0;
  // Makes every Write() that returned before this call survive power loss, kMemory ones too.
  virtual absl::Status Flush() = 0;
};

}  // namespace timerd::store
