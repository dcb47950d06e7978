// A ShardLog in files of its own, which are written over in turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/store/log_file.h"
#include "server/store/log_segment.h"
#include "server/store/rocks_kv.h"
#include "server/store/shard_log.h"

namespace timerd::store {

struct FileShardLogOptions {
  // Of one file; a frame that does not fit gets a larger one, a disk without room a smaller one.
  size_t segment_bytes = size_t{8} << 20;
  // With more files than this that the state has not made superfluous, it is flushed: what is in
  // them has to be applied again after a crash.
  size_t max_segments = 4;
};

// A file whose blocks are there is written to past the page cache and synced without a change to
// the file system, in a third of the time that a file takes that grows
// (docs/decisions/0026-log-files.md).
class FileShardLog final : public ShardLog {
 public:
  // Finds the end of the log of `shard` in `directory`, which is there. `state` is the store of the
  // shard's state: frames whose effect it would lose in a crash are kept. It must outlive the log;
  // one log per shard and directory at a time. DataLoss, naming the file, when one is damaged.
  // REQUIRES: durability is kOs or kSync.
  static absl::StatusOr<std::unique_ptr<FileShardLog>> Open(const std::string& directory,
                                                            uint32_t shard, RocksKv& state,
                                                            Durability durability,
                                                            const FileShardLogOptions& options);

  absl::Status Append(const Frame& frame) override;
  // DataLoss also when the log ends before `from` - 1, unless it is not synced: then power loss may
  // have taken what the state still has, and the log goes on with `from`.
  absl::Status Read(uint64_t from, absl::FunctionRef<absl::Status(const Frame&)> visit) override;
  absl::Status Trim(uint64_t through) override;

 private:
  struct Segment {
    LogFile file;
    uint64_t first = 0;  // sequence; 0: never written
  };
  // What was applied before write `mark` of the state store.
  struct Applied {
    uint64_t through;
    uint64_t mark;
  };

  FileShardLog(std::string directory, uint32_t shard, RocksKv& state, Durability durability,
               const FileShardLogOptions& options)
      : directory_(std::move(directory)),
        shard_(shard),
        state_(state),
        synced_(durability == Durability::kSync),
        options_(options) {}

  absl::Status OpenSegments();
  // Begins a segment that has room for `bytes` of frames.
  absl::Status Begin(uint64_t first, size_t bytes);
  // A file of at least `bytes`, made if none is spare.
  absl::StatusOr<LogFile> TakeFile(size_t bytes);
  absl::StatusOr<LogFile> MakeFile(size_t bytes);
  // As ReadSegment(), of the file. Its errors name the shard and the file.
  absl::StatusOr<SegmentEnd> ReadOne(const Segment& segment,
                                     absl::FunctionRef<absl::Status(const Frame&)> visit) const;
  absl::Status Damaged(absl::string_view what) const;
  // The last sequence up to which the state survives a crash, of those in applied_.
  uint64_t TakeDurable() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string directory_;
  const uint32_t shard_;
  RocksKv& state_;
  const bool synced_;
  const FileShardLogOptions options_;

  // Of Append().
  LogBuffer buffer_;
  LogFile* current_ = nullptr;  // of the last segment; null: there is none
  size_t used_ = 0;             // of it, with its header; 0: that is yet to be written
  uint64_t last_ = 0;           // 0: no frame is there
  uint64_t files_ = 0;          // made so far: the number of the next

  Mutex mutex_;
  // In the order of their frames, without a gap; the last is being written.
  std::deque<Segment> segments_ ABSL_GUARDED_BY(mutex_);
  std::vector<LogFile> spare_ ABSL_GUARDED_BY(mutex_);
  std::deque<Applied> applied_ ABSL_GUARDED_BY(mutex_);
  uint64_t flush_asked_ ABSL_GUARDED_BY(mutex_) = 0;  // the mark that the last flush reaches
};

}  // namespace timerd::store
