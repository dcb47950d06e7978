// A StateStore in a key-value store.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/store/keys.h"
#include "server/store/ordered_kv.h"
#include "server/store/state_store.h"

namespace timerd::store {

class KvStateStore final : public StateStore {
 public:
  // Reads the position. `kv` must outlive the store; one state store per shard and `kv` at a time.
  static absl::StatusOr<std::unique_ptr<KvStateStore>> Open(OrderedKv& kv, uint32_t shard);

  // FailedPrecondition for a frame of another shard or out of sequence, DataLoss for an operation
  // that this version does not know; nothing is then gathered.
  absl::Status Gather(const Frame& frame) override;
  size_t gathered_bytes() const override;
  absl::StatusOr<uint64_t> Apply() override;
  using StateStore::Apply;
  absl::StatusOr<Position> position() const override;
  absl::Status Checkpoint() override;

  absl::StatusOr<std::optional<Record>> Get(absl::string_view key) const override;
  absl::StatusOr<std::vector<std::optional<Record>>> GetMany(
      absl::Span<const absl::string_view> keys) const override;
  absl::Status ScanDue(
      Timeline timeline, const std::optional<DueKey>& after, Instant last,
      absl::FunctionRef<bool(const DueKey& due, absl::string_view key)> visit) const override;
  absl::Status Walk(absl::string_view prefix, absl::string_view after,
                    absl::FunctionRef<bool(absl::string_view key, absl::string_view spec,
                                           absl::string_view state)>
                        visit) const override;
  absl::Status ScanWaiting(
      absl::string_view queue, const std::optional<DueKey>& after,
      absl::FunctionRef<bool(const DueKey& due, absl::string_view key)> visit) const override;
  absl::Status ScanLetters(
      absl::string_view queue, const std::optional<DueKey>& after,
      absl::FunctionRef<bool(const DueKey& due, absl::string_view letter)> visit) const override;
  absl::StatusOr<std::vector<QueueCount>> queues() const override;
  absl::StatusOr<std::vector<NamespaceCount>> namespaces() const override;
  absl::Status ScanFeed(absl::string_view name_space, uint64_t from,
                        absl::FunctionRef<bool(const StoredEvent&)> visit) const override;
  absl::StatusOr<std::vector<FeedExtent>> feeds() const override;

 private:
  KvStateStore(OrderedKv& kv, uint32_t shard, const Position& position)
      : kv_(kv), shard_(shard), gathered_to_(position), applied_(position) {}

  // Adds what `frame` changes, but for the position.
  void Add(const Frame& frame, WriteBatch& batch) const;

  absl::Status ScanQueued(
      const KeyRange& range,
      absl::FunctionRef<bool(const DueKey& due, absl::string_view value)> visit) const;
  template <typename Message>
  absl::StatusOr<std::vector<Message>> ReadCounts(const KeyRange& range,
                                                  absl::string_view of_what) const;

  OrderedKv& kv_;
  const uint32_t shard_;

  mutable Mutex mutex_;
  WriteBatch gathered_ ABSL_GUARDED_BY(mutex_);
  WriteBatch spare_ ABSL_GUARDED_BY(mutex_);  // empty: the memory of what was gathered before
  Position gathered_to_ ABSL_GUARDED_BY(mutex_);
  Position applied_;  // thread of Apply()
};

}  // namespace timerd::store
