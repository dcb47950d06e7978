// An OrderedKv that crashes on demand and loses what a real one may lose.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "server/base/mutex.h"
#include "server/store/memory_kv.h"
#include "server/store/ordered_kv.h"

namespace timerd::store {

// A MemoryKv that remembers how durable each write is. Everything that it decides comes from the
// seed. Thread-safe but for Crash(), beside which nothing else may run.
class CrashingKv final : public OrderedKv {
 public:
  enum class CrashKind {
    kProcess,  // kill -9: kOs writes survive
    kPower,    // kOs writes survive up to some point after the last kSync write
  };

  explicit CrashingKv(uint64_t seed) : random_(seed) {}

  absl::Status Write(const WriteBatch& batch, Durability durability) override;
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override;
  absl::StatusOr<Values> GetMany(absl::Span<const std::string> keys) const override;
  absl::Status Scan(
      absl::string_view first, absl::string_view last,
      absl::FunctionRef<bool(absl::string_view key, absl::string_view value)> visit) const override;
  absl::Status Flush() override;

  // Leaves what a crash and restart at this moment would: of the writes since the last Flush(), all
  // up to a random point, and after it those that are durable enough for `kind`. Ends a failure.
  // Logs and state stores over this store must be opened anew.
  void Crash(CrashKind kind = CrashKind::kProcess);

  // The `n`-th Write() or Flush() from now on fails, 1 being the next, and so does every later one
  // until Crash(). The failed write itself is not seen; but if it was a kOs or kSync write, the
  // crash may bring it to light, as with a disk that took the bytes and reported an error.
  void FailWrite(uint64_t n);

 private:
  struct Entry {
    WriteBatch batch;
    Durability durability;
    bool failed;
  };

  // Fails if it is this write's turn to.
  absl::Status Admit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  MemoryKv flushed_;                                                  // as of the last Flush()
  std::vector<Entry> since_flush_ ABSL_GUARDED_BY(mutex_);            // in order
  std::unique_ptr<MemoryKv> current_ = std::make_unique<MemoryKv>();  // replaced by Crash()
  uint64_t until_failure_ ABSL_GUARDED_BY(mutex_) = 0;                // 0: none planned
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace timerd::store
