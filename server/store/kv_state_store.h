// A StateStore in a key-value store.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "server/store/keys.h"
#include "server/store/ordered_kv.h"
#include "server/store/state_store.h"

namespace timerd::store {

class KvStateStore final : public StateStore {
 public:
  // Reads the position. `kv` must outlive the store; one state store per shard and `kv` at a time.
  static absl::StatusOr<std::unique_ptr<KvStateStore>> Open(OrderedKv& kv, uint32_t shard);

  // FailedPrecondition for a frame of another shard or out of sequence, DataLoss for an operation
  // that this version does not know; nothing is then applied.
  absl::Status Apply(absl::Span<const Frame> frames) override;
  using StateStore::Apply;
  absl::StatusOr<Position> position() const override;
  absl::Status Checkpoint() override;

  absl::StatusOr<std::optional<Record>> Get(absl::string_view key) const override;
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
  absl::Status ScanFeed(
      absl::string_view name_space, uint64_t from,
      absl::FunctionRef<bool(uint64_t sequence, absl::string_view event)> visit) const override;
  absl::StatusOr<std::vector<FeedExtent>> feeds() const override;

 private:
  // Adds what `frame` changes, but for the position.
  absl::Status Add(const Frame& frame, WriteBatch& batch) const;
  KvStateStore(OrderedKv& kv, uint32_t shard, uint64_t applied)
      : kv_(kv), shard_(shard), applied_(applied) {}

  absl::Status ScanQueued(
      const KeyRange& range,
      absl::FunctionRef<bool(const DueKey& due, absl::string_view value)> visit) const;
  template <typename Message>
  absl::StatusOr<std::vector<Message>> ReadCounts(const KeyRange& range,
                                                  absl::string_view of_what) const;

  OrderedKv& kv_;
  const uint32_t shard_;
  uint64_t applied_;  // sequence of the last frame applied; thread of Apply()
};

}  // namespace timerd::store
