#include "server/store/kv_state_store.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/store/feed_store.h"
#include "server/store/keys.h"

namespace timerd::store {
namespace {

constexpr absl::string_view kWayOut =
    "restore the data directory from a backup, or move it away and start empty";

IndexKey FromProto(const storage::v1::DueKey& due) {
  return {static_cast<Timeline>(due.timeline()),
          {InstantFromNanos(due.deadline_ns()), due.place()}};
}

std::string IndexKeyFor(uint32_t shard, const storage::v1::DueKey& due, absl::string_view queue) {
  const IndexKey key = FromProto(due);
  return key.timeline == Timeline::kQueue ? WaitingKey(shard, queue, key.due)
                                          : DueIndexKey(shard, key);
}

std::string LetterKeyFor(uint32_t shard, const storage::v1::LetterKey& key) {
  return LetterKey(shard, key.queue(), {InstantFromNanos(key.failed_ns()), key.place()});
}

absl::Status BadKey(uint32_t shard, absl::string_view what, absl::string_view key) {
  return absl::DataLossError(absl::StrCat("shard ", shard, ": ", what, " ",
                                          absl::BytesToHexString(key), " is malformed; ", kWayOut));
}

absl::Status NoRecord(uint32_t shard, absl::string_view id) {
  return absl::DataLossError(absl::StrCat("shard ", shard, ": handle \"", absl::CHexEscape(id),
                                          "\" has a state and no record; ", kWayOut));
}

std::string EncodeRecord(absl::string_view spec, absl::string_view state) {
  thread_local storage::v1::Record record;  // keeps the memory that it has taken once
  record.mutable_spec()->assign(spec.data(), spec.size());
  record.mutable_state()->assign(state.data(), state.size());
  return record.SerializeAsString();
}

absl::StatusOr<Record> DecodeRecord(uint32_t shard, absl::string_view id, absl::string_view bytes) {
  storage::v1::Record record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(absl::StrCat("shard ", shard, ": the record of handle \"",
                                            absl::CHexEscape(id), "\" is malformed; ", kWayOut));
  }
  return Record{std::move(*record.mutable_spec()), std::move(*record.mutable_state())};
}

// Gives a handle that is made in `batch`, which is compact, its last state with its record.
void JoinRecords(WriteBatch& batch) {
  batch.JoinNeighbours([&batch](size_t i) -> std::optional<std::string> {
    storage::v1::Record made;
    if (!batch.IsPutNew(i) || !batch.IsPut(i + 1) ||
        !AreOfOneHandle(batch.key(i), batch.key(i + 1)) ||
        !made.ParseFromArray(batch.value(i).data(), static_cast<int>(batch.value(i).size()))) {
      return std::nullopt;
    }
    return EncodeRecord(made.spec(), batch.value(i + 1));
  });
}

absl::StatusOr<Position> ReadPosition(const OrderedKv& kv, uint32_t shard) {
  TIMERD_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, kv.Get(PositionKey(shard)));
  Position position;
  if (bytes.has_value() && !position.ParseFromString(*bytes)) {
    return absl::DataLossError(
        absl::StrCat("shard ", shard, ": the position of its state is malformed; ", kWayOut));
  }
  return position;
}

// Visits whole handles of `range`, which begins and ends between handles.
absl::Status ScanHandles(
    const OrderedKv& kv, uint32_t shard, const KeyRange& range,
    absl::FunctionRef<bool(absl::string_view id, absl::string_view spec, absl::string_view state)>
        visit) {
  absl::Status status;
  std::optional<std::string> id;  // of the record that may be followed by a state
  Record record;
  const auto take = [&](absl::string_view key, absl::string_view value) {
    std::optional<HandleKey> handle = HandleKeyOf(key);
    if (!handle.has_value()) {
      status = BadKey(shard, "handle key", key);
      return false;
    }
    if (handle->is_state) {
      if (id != handle->id) {
        status = NoRecord(shard, handle->id);
        return false;
      }
      id.reset();
      return visit(handle->id, record.spec, value);
    }
    if (id.has_value() && !visit(*std::exchange(id, std::nullopt), record.spec, record.state)) {
      return false;
    }
    absl::StatusOr<Record> decoded = DecodeRecord(shard, handle->id, value);
    if (!decoded.ok()) {
      status = std::move(decoded).status();
      return false;
    }
    record = *std::move(decoded);
    id = std::move(handle->id);
    return true;
  };
  TIMERD_RETURN_IF_ERROR(kv.Scan(range.first, range.last, take));
  if (status.ok() && id.has_value()) {
    visit(*id, record.spec, record.state);
  }
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KvStateStore>> KvStateStore::Open(OrderedKv& kv, uint32_t shard) {
  TIMERD_ASSIGN_OR_RETURN(const Position position, ReadPosition(kv, shard));
  return std::unique_ptr<KvStateStore>(new KvStateStore(kv, shard, position));
}

void KvStateStore::Add(const Frame& frame, WriteBatch& batch) const {
  for (const storage::v1::Operation& operation : frame.operations()) {
    switch (operation.operation_case()) {
      case storage::v1::Operation::kPut: {
        const storage::v1::Put& put = operation.put();
        for (const storage::v1::DueKey& due : put.disarmed()) {
          batch.Delete(IndexKeyFor(shard_, due, put.queue()));
        }
        for (const storage::v1::DueKey& due : put.armed()) {
          batch.PutNew(IndexKeyFor(shard_, due, put.queue()), put.key());
        }
        if (!put.has_spec()) {
          batch.Put(StateKey(shard_, put.key()), put.state());
        } else if (put.replaces()) {
          batch.Put(RecordKey(shard_, put.key()), EncodeRecord(put.spec(), put.state()));
          batch.Delete(StateKey(shard_, put.key()));
        } else {
          batch.PutNew(RecordKey(shard_, put.key()), EncodeRecord(put.spec(), put.state()));
        }
        break;
      }
      case storage::v1::Operation::kErase: {
        const storage::v1::Erase& erase = operation.erase();
        for (const storage::v1::DueKey& due : erase.disarmed()) {
          batch.Delete(IndexKeyFor(shard_, due, erase.queue()));
        }
        batch.Delete(RecordKey(shard_, erase.key()));
        batch.Delete(StateKey(shard_, erase.key()));
        break;
      }
      case storage::v1::Operation::kBury: {
        const storage::v1::Bury& bury = operation.bury();
        batch.PutNew(LetterKeyFor(shard_, bury.key()), bury.letter());
        break;
      }
      case storage::v1::Operation::kUnbury:
        batch.Delete(LetterKeyFor(shard_, operation.unbury().key()));
        break;
      case storage::v1::Operation::OPERATION_NOT_SET:
        break;  // refused by Gather()
    }
  }
  for (const NamespaceCount& count : frame.namespaces()) {
    batch.Put(NamespaceKey(shard_, count.name()), count.SerializeAsString());
  }
  for (const QueueCount& count : frame.queues()) {
    batch.Put(QueueKey(shard_, count.name()), count.SerializeAsString());
  }
  ApplyFeeds(frame, batch);
}

absl::Status KvStateStore::Gather(const Frame& frame) {
  for (const storage::v1::Operation& operation : frame.operations()) {
    if (operation.operation_case() == storage::v1::Operation::OPERATION_NOT_SET) {
      return absl::DataLossError(
          absl::StrCat("shard ", shard_, ": frame ", frame.sequence(),
                       " has an operation that this version does not know; run the version that "
                       "wrote it, or a newer one"));
    }
  }
  const MutexLock lock(mutex_);
  if (frame.shard() != shard_ || frame.sequence() != gathered_to_.sequence() + 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("shard ", shard_, ": frame ", frame.sequence(), " of shard ", frame.shard(),
                     " cannot be applied to a state at ", gathered_to_.sequence(), "; apply frame ",
                     gathered_to_.sequence() + 1, " next"));
  }
  Add(frame, gathered_);
  gathered_to_.set_epoch(frame.epoch());
  gathered_to_.set_sequence(frame.sequence());
  gathered_to_.set_time_ns(frame.time_ns());
  gathered_to_.set_wall_ns(frame.wall_ns());
  gathered_to_.set_next_place(frame.next_place());
  return absl::OkStatus();
}

size_t KvStateStore::gathered_bytes() const {
  const MutexLock lock(mutex_);
  return gathered_.bytes();
}

absl::StatusOr<uint64_t> KvStateStore::Apply() {
  WriteBatch batch;
  Position to;
  {
    const MutexLock lock(mutex_);
    to = gathered_to_;
    batch = std::exchange(gathered_, std::exchange(spare_, WriteBatch()));
  }
  if (to.sequence() == applied_.sequence()) {
    return to.sequence();
  }
  batch.Put(PositionKey(shard_), to.SerializeAsString());
  batch.Compact();
  JoinRecords(batch);
  TIMERD_RETURN_IF_ERROR(kv_.WriteSorted(batch));
  applied_ = to;
  batch.Clear();
  const MutexLock lock(mutex_);
  spare_ = std::move(batch);
  return to.sequence();
}

absl::StatusOr<Position> KvStateStore::position() const { return ReadPosition(kv_, shard_); }

absl::Status KvStateStore::Checkpoint() { return kv_.Flush(); }

absl::StatusOr<std::optional<Record>> KvStateStore::Get(absl::string_view key) const {
  // Most of those that are asked for here are new, of which a filter tells that they are not there.
  TIMERD_ASSIGN_OR_RETURN(const std::optional<std::string> made, kv_.Get(RecordKey(shard_, key)));
  if (!made.has_value()) {
    return std::optional<Record>();
  }
  // Not that and one more read, beside which an Apply() could replace the handle.
  TIMERD_ASSIGN_OR_RETURN(const std::vector<std::optional<Record>> record, GetMany({key}));
  return record.front();
}

absl::StatusOr<std::vector<std::optional<Record>>> KvStateStore::GetMany(
    absl::Span<const absl::string_view> keys) const {
  std::vector<std::string> both;
  both.reserve(2 * keys.size());
  for (const absl::string_view key : keys) {
    both.push_back(RecordKey(shard_, key));
    both.push_back(StateKey(shard_, key));
  }
  TIMERD_ASSIGN_OR_RETURN(OrderedKv::Values values, kv_.GetMany(both));
  std::vector<std::optional<Record>> records(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::optional<std::string>& made = values[2 * i];
    std::optional<std::string>& state = values[2 * i + 1];
    if (made.has_value()) {
      TIMERD_ASSIGN_OR_RETURN(records[i], DecodeRecord(shard_, keys[i], *made));
      if (state.has_value()) {
        records[i]->state = *std::move(state);
      }
    } else if (state.has_value()) {
      return NoRecord(shard_, keys[i]);
    }
  }
  return records;
}

absl::Status KvStateStore::ScanDue(
    Timeline timeline, const std::optional<DueKey>& after, Instant last,
    absl::FunctionRef<bool(const DueKey& due, absl::string_view key)> visit) const {
  const KeyRange range = DueRange(shard_, timeline, after, last);
  absl::Status status;
  TIMERD_RETURN_IF_ERROR(
      kv_.Scan(range.first, range.last, [&](absl::string_view index, absl::string_view key) {
        const std::optional<IndexKey> due = IndexKeyOf(index);
        if (!due.has_value()) {
          status = BadKey(shard_, "due key", index);
          return false;
        }
        return visit(due->due, key);
      }));
  return status;
}

absl::Status KvStateStore::Walk(
    absl::string_view prefix, absl::string_view after,
    absl::FunctionRef<bool(absl::string_view id, absl::string_view spec, absl::string_view state)>
        visit) const {
  return ScanHandles(kv_, shard_, WalkRange(shard_, prefix, after), visit);
}

absl::Status KvStateStore::ScanQueued(
    const KeyRange& range,
    absl::FunctionRef<bool(const DueKey& due, absl::string_view value)> visit) const {
  absl::Status status;
  TIMERD_RETURN_IF_ERROR(
      kv_.Scan(range.first, range.last, [&](absl::string_view key, absl::string_view value) {
        const std::optional<DueKey> due = QueuedKeyOf(key);
        if (!due.has_value()) {
          status = BadKey(shard_, "queue key", key);
          return false;
        }
        return visit(*due, value);
      }));
  return status;
}

absl::Status KvStateStore::ScanWaiting(
    absl::string_view queue, const std::optional<DueKey>& after,
    absl::FunctionRef<bool(const DueKey& due, absl::string_view key)> visit) const {
  return ScanQueued(WaitingRange(shard_, queue, after), visit);
}

absl::Status KvStateStore::ScanLetters(
    absl::string_view queue, const std::optional<DueKey>& after,
    absl::FunctionRef<bool(const DueKey& due, absl::string_view letter)> visit) const {
  return ScanQueued(LetterRange(shard_, queue, after), visit);
}

// All messages of `range`.
template <typename Message>
absl::StatusOr<std::vector<Message>> KvStateStore::ReadCounts(const KeyRange& range,
                                                              absl::string_view of_what) const {
  std::vector<Message> counts;
  absl::Status status;
  TIMERD_RETURN_IF_ERROR(
      kv_.Scan(range.first, range.last, [&](absl::string_view key, absl::string_view value) {
        if (!counts.emplace_back().ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          status = BadKey(shard_, absl::StrCat("what is counted under ", of_what, " key"), key);
        }
        return status.ok();
      }));
  TIMERD_RETURN_IF_ERROR(status);
  return counts;
}

absl::StatusOr<std::vector<NamespaceCount>> KvStateStore::namespaces() const {
  return ReadCounts<NamespaceCount>(NamespaceRange(shard_), "namespace");
}

absl::StatusOr<std::vector<QueueCount>> KvStateStore::queues() const {
  return ReadCounts<QueueCount>(QueueRange(shard_), "queue");
}

}  // namespace timerd::store
