#include "server/store/feed_store.h"

#include <map>
#include <string>

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

// A block ends with the event that reaches one of these: whoever wants one event reads them all.
constexpr int kBlockEvents = 64;
constexpr size_t kBlockBytes = 16 << 10;

// The block of a namespace that takes the next event.
struct OpenBlock {
  storage::v1::FeedBlock block;
  size_t bytes = 0;
  uint64_t last = 0;
};

void Close(uint32_t shard, absl::string_view name_space, OpenBlock& open, WriteBatch& batch) {
  if (open.block.events().empty()) {
    return;
  }
  batch.Put(FeedBlockKey(shard, name_space, open.last), open.block.SerializeAsString());
  open.block.Clear();
  open.bytes = 0;
}

}  // namespace

void ApplyFeeds(const Frame& frame, WriteBatch& batch) {
  std::map<absl::string_view, OpenBlock> blocks;
  for (const storage::v1::FeedEvent& event : frame.events()) {
    const absl::string_view name_space = NamespaceOf(event.key());
    OpenBlock& open = blocks[name_space];
    std::string& bytes = *open.block.add_events();
    event.SerializeToString(&bytes);
    open.bytes += bytes.size();
    open.last = event.sequence();
    if (open.block.events_size() == kBlockEvents || open.bytes >= kBlockBytes) {
      Close(frame.shard(), name_space, open, batch);
    }
  }
  for (auto& [name_space, open] : blocks) {
    Close(frame.shard(), name_space, open, batch);
  }
  for (const FeedExtent& extent : frame.feeds()) {
    for (const uint64_t last : extent.trimmed()) {
      batch.Delete(FeedBlockKey(frame.shard(), extent.name(), last));
    }
    FeedExtent stored = extent;
    stored.clear_trimmed();
    batch.Put(FeedExtentKey(frame.shard(), extent.name()), stored.SerializeAsString());
  }
}

absl::Status KvStateStore::ScanFeed(absl::string_view name_space, uint64_t from,
                                    absl::FunctionRef<bool(const StoredEvent&)> visit) const {
  const KeyRange range = FeedBlockRange(shard_, name_space, from);
  absl::Status status;
  storage::v1::FeedBlock block;
  TIMERD_RETURN_IF_ERROR(
      kv_.Scan(range.first, range.last, [&](absl::string_view key, absl::string_view value) {
        const std::optional<uint64_t> end = FeedBlockEnd(key);
        if (!end || !block.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          status = Malformed(shard_, "the block of a feed under", key);
          return false;
        }
        uint64_t sequence = *end - static_cast<uint64_t>(block.events_size());
        for (const std::string& bytes : block.events()) {
          if (++sequence >= from && !visit({sequence, *end, bytes})) {
            return false;
          }
        }
        return true;
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
