#include "server/store/feed_store.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/store/keys.h"
#include "server/store/kv_state_store.h"

namespace timerd::store {
namespace {

absl::Status Malformed(uint32_t shard, absl::string_view what, absl::string_view key) {
  return absl::DataLossError(absl::StrCat("shard ", shard, ": ", what, " ",
                                          absl::BytesToHexString(key),
                                          " is malformed; restore the data directory from a "
                                          "backup, or move it away and start empty"));
}

}  // namespace

void ApplyFeeds(const Frame& frame, WriteBatch& batch) {
  for (const storage::v1::FeedEvent& event : frame.events()) {
    batch.Put(FeedEventKey(frame.shard(), NamespaceOf(event.key()), event.sequence()),
              event.SerializeAsString());
  }
  for (const FeedExtent& extent : frame.feeds()) {
    for (uint64_t trimmed = extent.first() - extent.trimmed(); trimmed < extent.first();
         ++trimmed) {
      batch.Delete(FeedEventKey(frame.shard(), extent.name(), trimmed));
    }
    FeedExtent stored = extent;
    stored.clear_trimmed();
    batch.Put(FeedExtentKey(frame.shard(), extent.name()), stored.SerializeAsString());
  }
}

absl::Status KvStateStore::ScanFeed(
    absl::string_view name_space, uint64_t from,
    absl::FunctionRef<bool(uint64_t sequence, absl::string_view event)> visit) const {
  const KeyRange range = FeedEventRange(shard_, name_space, from);
  absl::Status status;
  TIMERD_RETURN_IF_ERROR(
      kv_.Scan(range.first, range.last, [&](absl::string_view key, absl::string_view event) {
        const std::optional<uint64_t> sequence = FeedEventSequence(key);
        if (!sequence) {
          status = Malformed(shard_, "feed key", key);
          return false;
        }
        return visit(*sequence, event);
      }));
  return status;
}

absl::StatusOr<std::vector<FeedExtent>> KvStateStore::feeds() const {
  const KeyRange range = FeedExtentRange(shard_);
  std::vector<FeedExtent> extents;
  absl::Status status;
  TIMERD_RETURN_IF_ERROR(
      kv_.Scan(range.first, range.last, [&](absl::string_view key, absl::string_view value) {
        if (!extents.emplace_back().ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          status = Malformed(shard_, "the extent of the feed under", key);
        }
        return status.ok();
      }));
  TIMERD_RETURN_IF_ERROR(status);
  return extents;
}

}  // namespace timerd::store
