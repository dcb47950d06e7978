// The directory that --data-dir names: one server's, of one format, with one database in it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/file_shard_log.h"
#include "server/store/ordered_kv.h"
#include "server/store/rocks_kv.h"
#include "server/store/shard_log.h"

namespace timerd::store {

class DataDirectory {
 public:
  // What is fixed for the life of a directory.
  struct Shape {
    uint32_t shards = 0;  // 0: as it is, or `default_shards` for a new one
    uint32_t default_shards = 1;
    bool manual_clock = false;  // its time stands still: see server/manual_namespaces.h
  };

  // Opens the directory `path` and keeps others out of it until destruction. Makes the directory
  // (not its parent) and an empty database of `shape` where there is none.
  //
  // Refused, each with a message that names `path`, the cause and the way out:
  //   FailedPrecondition  another server has it; it holds other files and no database, or a
  //   database
  //                       that is not timerd's; its format is another version's; it was made with a
  //                       number of shards other than shape.shards (unless that is 0), or for the
  //                       other kind of clock
  //   DataLoss            the database is damaged
  //   ResourceExhausted   the disk has no room for what opening it writes
  //   and what the operating system gives as a reason, such as PermissionDenied or NotFound.
  // `options.create` is ignored.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(const std::string& path,
                                                             const Shape& shape,
                                                             RocksKvOptions options = {});

  OrderedKv& kv() { return *kv_; }
  // The log of `shard`, to be closed before the directory. Errors are as FileShardLog::Open() says.
  absl::StatusOr<std::unique_ptr<ShardLog>> OpenLog(uint32_t shard, Durability durability,
                                                    const FileShardLogOptions& options = {});
  uint32_t shards() const { return shards_; }

 private:
  // Holds the lock on <path>/timerd.lock; the file itself stays.
  class Lock {
   public:
    static absl::StatusOr<Lock> Take(const std::string& path);
    Lock(Lock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    Lock& operator=(Lock&&) = delete;
    ~Lock();

   private:
    explicit Lock(int fd) : fd_(fd) {}
    int fd_;
  };

  DataDirectory(Lock lock, std::unique_ptr<RocksKv> kv, uint32_t shards, std::string logs)
      : lock_(std::move(lock)), kv_(std::move(kv)), shards_(shards), logs_(std::move(logs)) {}

  const Lock lock_;  // outlives kv_
  const std::unique_ptr<RocksKv> kv_;
  const uint32_t shards_;
  const std::string logs_;  // the directory of them
};

}  // namespace timerd::store
