#include "server/store/kv_shard_log.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/store/frame_codec.h"
#include "server/store/keys.h"

namespace timerd::store {
namespace {

constexpr absl::string_view kWayOut =
    "restore the data directory from a backup, or move it away and start empty";

// The first sequence from `from` on, nothing if there is none.
absl::StatusOr<std::optional<uint64_t>> FirstFrom(const OrderedKv& kv, uint32_t shard,
                                                  uint64_t from) {
  const KeyRange range = LogRange(shard, from);
  std::optional<uint64_t> first;
  TIMERD_RETURN_IF_ERROR(
      kv.Scan(range.first, range.last, [&](absl::string_view key, absl::string_view) {
        first = LogSequence(key);
        return false;
      }));
  return first;
}

// The last sequence, 0 for an empty log. The store only reads forward; so this decides the bits of
// the answer from the highest down, and skips ahead to what each look finds.
absl::StatusOr<uint64_t> LastSequence(const OrderedKv& kv, uint32_t shard) {
  uint64_t last = 0;
  for (uint64_t bit = uint64_t{1} << 63; bit != 0; bit >>= 1) {
    if ((last & bit) != 0) {
      continue;
    }
    const uint64_t candidate = (last | bit) & ~(bit - 1);
    TIMERD_ASSIGN_OR_RETURN(const std::optional<uint64_t> found, FirstFrom(kv, shard, candidate));
    if (found.has_value()) {
      last = *found;
    }
  }
  return last;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KvShardLog>> KvShardLog::Open(OrderedKv& kv, uint32_t shard,
                                                             Durability durability) {
  TIMERD_ASSIGN_OR_RETURN(const uint64_t last, LastSequence(kv, shard));
  uint64_t first = 0;
  if (last != 0) {
    TIMERD_ASSIGN_OR_RETURN(const std::optional<uint64_t> found, FirstFrom(kv, shard, 0));
    first = found.value_or(last);
  }
  return std::unique_ptr<KvShardLog>(new KvShardLog(kv, shard, durability, first, last));
}

absl::Status KvShardLog::Append(const Frame& frame) {
  TIMERD_RETURN_IF_ERROR(CheckNext(frame, shard_, last_));
  TIMERD_ASSIGN_OR_RETURN(std::string bytes, EncodeFrame(frame));
  WriteBatch batch;
  batch.Put(LogKey(shard_, frame.sequence()), bytes);
  TIMERD_RETURN_IF_ERROR(kv_.Write(batch, durability_));
  if (last_ == 0) {
    first_ = frame.sequence();
  }
  last_ = frame.sequence();
  return absl::OkStatus();
}

absl::Status KvShardLog::Read(uint64_t from, absl::FunctionRef<absl::Status(const Frame&)> visit) {
  const KeyRange range = LogRange(shard_, from);
  uint64_t expected = from;
  absl::Status status;
  Frame frame;
  const auto read_one = [&](absl::string_view key, absl::string_view value) -> absl::Status {
    const std::optional<uint64_t> sequence = LogSequence(key);
    if (sequence != expected) {
      return absl::DataLossError(
          absl::StrCat("shard ", shard_, ": frame ", expected, " is missing from the log",
                       sequence.has_value() ? absl::StrCat("; the next there is ", *sequence) : "",
                       "; ", kWayOut));
    }
    absl::Status damage = DecodeFrame(value, frame);
    if (damage.ok() && (frame.shard() != shard_ || frame.sequence() != expected)) {
      damage = absl::DataLossError(
          absl::StrCat("it says that it is frame ", frame.sequence(), " of shard ", frame.shard()));
    }
    if (!damage.ok()) {
      return absl::DataLossError(absl::StrCat("shard ", shard_, ": frame ", expected,
                                              " of the log is damaged: ", damage.message(), "; ",
                                              kWayOut));
    }
    ++expected;
    return visit(frame);
  };
  TIMERD_RETURN_IF_ERROR(
      kv_.Scan(range.first, range.last, [&](absl::string_view key, absl::string_view value) {
        status = read_one(key, value);
        return status.ok();
      }));
  return status;
}

absl::Status KvShardLog::Trim(uint64_t through) {
  uint64_t last = last_;
  if (last == 0) {
    return absl::OkStatus();
  }
  // Key by key, not by RocksDB's DeleteRange: see the decision.
  WriteBatch batch;
  for (; first_ <= std::min(through, last); ++first_) {
    batch.Delete(LogKey(shard_, first_));
  }
  TIMERD_RETURN_IF_ERROR(kv_.Write(batch, Durability::kMemory));
  // An Append() beside this may just have made the log longer; then it is not empty.
  if (through >= last) {
    last_.compare_exchange_strong(last, 0);
  }
  return absl::OkStatus();
}

}  // namespace timerd::store
