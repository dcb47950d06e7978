#include "server/store/file_shard_log.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/store/frame_codec.h"
#include "server/store/log_segment.h"
#include "server/store/sync_directory.h"

namespace timerd::store {
namespace {

constexpr absl::string_view kWayOut =
    "restore the data directory from a backup, or move it away and start empty";

// "<shard>-<number>.frames"
std::string FileName(uint32_t shard, uint64_t number) {
  return absl::StrCat(shard, "-", number, ".frames");
}
// The number of a file of `shard`; nothing if `name` is no name of one.
std::optional<uint64_t> NumberOf(absl::string_view name, uint32_t shard) {
  uint64_t number = 0;
  const bool is_one = absl::ConsumePrefix(&name, absl::StrCat(shard, "-")) &&
                      absl::ConsumeSuffix(&name, ".frames") && absl::SimpleAtoi(name, &number);
  return is_one ? std::optional<uint64_t>(number) : std::nullopt;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileShardLog>> FileShardLog::Open(
    const std::string& directory, uint32_t shard, RocksKv& state, Durability durability,
    const FileShardLogOptions& options) {
  TIMERD_CHECK(durability != Durability::kMemory);
  std::unique_ptr<FileShardLog> log(new FileShardLog(directory, shard, state, durability, options));
  TIMERD_RETURN_IF_ERROR(log->OpenSegments());
  return log;
}

absl::Status FileShardLog::OpenSegments() {
  const MutexLock lock(mutex_);
  std::error_code error;
  std::map<uint64_t, LogFile> by_first;
  for (std::filesystem::directory_iterator it(directory_, error), end; !error && it != end;
       it.increment(error)) {
    const std::optional<uint64_t> number = NumberOf(it->path().filename().string(), shard_);
    if (!number.has_value()) {
      continue;
    }
    files_ = std::max(files_, *number + 1);
    TIMERD_ASSIGN_OR_RETURN(LogFile file, LogFile::Open(it->path().string(), synced_));
    if (file.size() < kLogBlock) {  // a crash came while it was made
      TIMERD_RETURN_IF_ERROR(LogFile::Remove(std::move(file)));
      continue;
    }
    TIMERD_ASSIGN_OR_RETURN(const std::string header, file.Read(kLogBlock));
    const absl::StatusOr<uint64_t> first = DecodeSegmentHeader(shard_, header);
    if (!first.ok()) {
      return Damaged(absl::StrCat(file.path(), ": ", first.status().message()));
    }
    if (*first == 0) {
      spare_.push_back(std::move(file));
    } else {
      by_first.emplace(*first, std::move(file));
    }
  }
  if (error) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat("log directory \"", directory_,
                                                           "\" cannot be read; see to the disk"));
  }
  for (auto& [first, file] : by_first) {
    segments_.push_back({std::move(file), first});
  }
  if (segments_.empty()) {
    return absl::OkStatus();
  }
  current_ = &segments_.back().file;
  TIMERD_ASSIGN_OR_RETURN(const SegmentEnd end,
                          ReadOne(segments_.back(), [](const Frame&) { return absl::OkStatus(); }));
  last_ = end.next - 1;
  used_ = end.used;
  return absl::OkStatus();
}

absl::Status FileShardLog::Damaged(absl::string_view what) const {
  return absl::DataLossError(
      absl::StrCat("shard ", shard_, ": the log is damaged: ", what, "; ", kWayOut));
}

absl::StatusOr<SegmentEnd> FileShardLog::ReadOne(
    const Segment& segment, absl::FunctionRef<absl::Status(const Frame&)> visit) const {
  TIMERD_ASSIGN_OR_RETURN(const std::string bytes, segment.file.Read(segment.file.size()));
  absl::Status from_visitor;
  absl::StatusOr<SegmentEnd> end =
      ReadSegment(shard_, segment.first, bytes, [&](const Frame& frame) {
        from_visitor = visit(frame);
        return from_visitor;
      });
  if (!end.ok() && from_visitor.ok()) {
    return Damaged(absl::StrCat(end.status().message(), " in ", segment.file.path()));
  }
  return end;
}

absl::Status FileShardLog::Append(const Frame& frame) {
  TIMERD_RETURN_IF_ERROR(CheckNext(frame, shard_, last_));
  TIMERD_ASSIGN_OR_RETURN(const size_t size, EncodedSize(frame));
  const size_t blocks = RoundUpToBlock(size);
  if (current_ == nullptr || used_ + blocks > current_->size()) {
    TIMERD_RETURN_IF_ERROR(Begin(frame.sequence(), kLogBlock + blocks));
  }
  const size_t header = used_ == 0 ? kLogBlock : 0;
  const absl::Span<char> bytes = buffer_.Take(header + blocks);
  if (header > 0) {
    EncodeSegmentHeader(shard_, frame.sequence(), bytes.first(header));
  }
  EncodeFrame(frame, size, &bytes[header]);
  std::fill(bytes.begin() + static_cast<ptrdiff_t>(header + size), bytes.end(), '\0');
  TIMERD_RETURN_IF_ERROR(current_->Write(used_, bytes));
  used_ += bytes.size();
  last_ = frame.sequence();
  return absl::OkStatus();
}

absl::Status FileShardLog::Begin(uint64_t first, size_t bytes) {
  TIMERD_ASSIGN_OR_RETURN(LogFile file, TakeFile(bytes));
  const MutexLock lock(mutex_);
  segments_.push_back({std::move(file), first});
  current_ = &segments_.back().file;
  used_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<LogFile> FileShardLog::TakeFile(size_t bytes) {
  {
    const MutexLock lock(mutex_);
    if (!spare_.empty() && spare_.back().size() >= bytes) {
      LogFile file = std::move(spare_.back());
      spare_.pop_back();
      return file;
    }
  }
  TIMERD_ASSIGN_OR_RETURN(LogFile file, MakeFile(bytes));
  TIMERD_RETURN_IF_ERROR(SyncDirectory(directory_));
  return file;
}

absl::StatusOr<LogFile> FileShardLog::MakeFile(size_t bytes) {
  const std::string path = absl::StrCat(directory_, "/", FileName(shard_, files_++));
  // On a disk that is nearly full a smaller one may do, for what exists to go on and to end.
  for (size_t size = std::max(bytes, options_.segment_bytes);;
       size = std::max(bytes, RoundUpToBlock(size / 2))) {
    absl::StatusOr<LogFile> file = LogFile::Create(path, size, synced_);
    if (size == bytes || !absl::IsResourceExhausted(file.status())) {
      return file;
    }
  }
}

absl::Status FileShardLog::Read(uint64_t from,
                                absl::FunctionRef<absl::Status(const Frame&)> visit) {
  const MutexLock lock(mutex_);
  if (last_ + 1 < from) {
    if (synced_) {
      return Damaged(
          absl::StrCat("it ends with frame ", last_, ", and ", from - 1, " was written"));
    }
    // None of the frames is needed any more.
    for (; !segments_.empty(); segments_.pop_front()) {
      spare_.push_back(std::move(segments_.front().file));
    }
    current_ = nullptr;
    last_ = 0;
    return absl::OkStatus();
  }
  uint64_t next = from;
  for (size_t i = 0; i < segments_.size(); ++i) {
    const bool is_last = i + 1 == segments_.size();
    if (!is_last && segments_[i + 1].first <= from) {
      continue;
    }
    if (segments_[i].first > next) {
      return Damaged(absl::StrCat("frame ", next, " is missing"));
    }
    TIMERD_ASSIGN_OR_RETURN(const SegmentEnd end, ReadOne(segments_[i], [&](const Frame& frame) {
                              return frame.sequence() < from ? absl::OkStatus() : visit(frame);
                            }));
    next = std::max(end.next, from);
  }
  return absl::OkStatus();
}

absl::Status FileShardLog::Trim(uint64_t through) {
  const uint64_t mark = state_.written();
  const MutexLock lock(mutex_);
  applied_.push_back({through, mark});
  const uint64_t durable = TakeDurable();
  while (segments_.size() > 1 && segments_[1].first - 1 <= durable) {
    spare_.push_back(std::move(segments_.front().file));
    segments_.pop_front();
  }
  if (segments_.size() > options_.max_segments && flush_asked_ <= state_.flushed()) {
    TIMERD_ASSIGN_OR_RETURN(const bool begun, state_.StartFlush());
    flush_asked_ = begun ? mark : flush_asked_;
  }
  // As many as are in use come in handy; what a burst took is given back.
  while (spare_.size() > options_.max_segments) {
    TIMERD_RETURN_IF_ERROR(LogFile::Remove(std::move(spare_.back())));
    spare_.pop_back();
  }
  return absl::OkStatus();
}

uint64_t FileShardLog::TakeDurable() {
  const uint64_t flushed = state_.flushed();
  uint64_t through = 0;
  for (; !applied_.empty() && applied_.front().mark <= flushed; applied_.pop_front()) {
    through = applied_.front().through;
  }
  return through;
}

}  // namespace timerd::store
