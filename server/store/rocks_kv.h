// An OrderedKv in one column family of one RocksDB database
// (docs/decisions/0002-rocksdb-layout.md).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/store/ordered_kv.h"
#include "server/store/table_parts.h"

namespace rocksdb {
class DB;
class Env;
class Status;
}  // namespace rocksdb

namespace timerd::store {

struct RocksKvOptions {
  // Makes the database; without it, DB files must be there.
  bool create = false;
  // One memtable; there are at most two, one being written to disk while the other fills. The
  // write-ahead log holds at most what is in them. Large batches pass them by.
  size_t write_buffer_bytes = size_t{32} << 20;
  // Data, index and filter blocks.
  size_t block_cache_bytes = size_t{48} << 20;
  // So many bytes of tables are verified when the database is opened, which takes half a second;
  // of the others, the first block.
  uint64_t verify_bytes = uint64_t{512} << 20;
  // What a batch has at least that WriteSorted() makes a table of.
  size_t least_table_bytes = size_t{4} << 20;
  // Where files and threads come from; RocksDB's default if null. Must outlive the store.
  rocksdb::Env* env = nullptr;
};

// kMemory writes go to the memtable and past the write-ahead log, the others through both. The
// memtable reaches the disk as a whole, in the order it was filled; so a crash leaves the kMemory
// writes up to some memtable's end, and all others.
//
// The destructor flushes, unless a write has failed.
class RocksKv final : public OrderedKv {
 public:
  // DataLoss if the database is damaged, as far as `verify_bytes` go. Damage that this does not
  // find is an error of whoever reads it. A write-ahead log may end in the middle of a record, as a
  // crash leaves it.
  static absl::StatusOr<std::unique_ptr<RocksKv>> Open(const std::string& path,
                                                       const RocksKvOptions& options);
  ~RocksKv() override;

  absl::Status Write(const WriteBatch& batch, Durability durability) override;
  // A large batch becomes tables, past the memtable: it then survives power loss, and so do the
  // kMemory writes before it. What lies apart (table_parts.h) goes to the last level at once.
  absl::Status WriteSorted(const WriteBatch& batch) override;
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override;
  absl::StatusOr<Values> GetMany(absl::Span<const std::string> keys) const override;
  absl::Status Scan(
      absl::string_view first, absl::string_view last,
      absl::FunctionRef<bool(absl::string_view key, absl::string_view value)> visit) const override;
  absl::Status Flush() override;

  // Writes are numbered. The number of the last one, and up to which the kMemory writes survive
  // power loss.
  uint64_t written() const;
  uint64_t flushed() const;
  // Begins what Flush() does, and does not wait for it; false if too much is being flushed already
  // to begin.
  absl::StatusOr<bool> StartFlush();

 private:
  class Flushed;

  RocksKv(std::string path, const RocksKvOptions& options, std::unique_ptr<rocksdb::DB> db,
          std::shared_ptr<Flushed> flushed);

  absl::Status Failure() const;
  // Makes a table of `part` of `batch`.
  rocksdb::Status WriteTable(const WriteBatch& batch, const TablePart& part,
                             const std::string& file) const;
  // The last key in [first, last].
  absl::StatusOr<std::optional<std::string>> LastKey(absl::string_view first,
                                                     absl::string_view last) const;
  bool IsLevel0Full() const;
  // Passes `status` on; if it is an error, every later write gets it too.
  absl::Status Remember(const rocksdb::Status& status, absl::string_view what);

  const std::string path_;
  const size_t least_table_bytes_;
  const std::unique_ptr<rocksdb::DB> db_;
  const std::shared_ptr<Flushed> flushed_;  // RocksDB's threads tell
  Mutex order_mutex_;                       // kMemory writes, and tables, come one by one
  // There may have been kMemory writes since the last table.
  bool memtable_is_ahead_ ABSL_GUARDED_BY(order_mutex_) = false;
  std::atomic<uint64_t> tables_{0};   // that WriteSorted() has made: names the next
  std::atomic<bool> failed_ = false;  // failure_ is set
  mutable Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace timerd::store
