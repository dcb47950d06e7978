#include "server/service/cursor.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/base/hash.h"
#include "server/service/refusals.h"
#include "timerd/storage/v1/storage.pb.h"

namespace timerd::service {
namespace {

using storage::v1::FeedCursor;

// A cursor is, in web-safe base64: this version, a checksum of 4 bytes, a FeedCursor.
constexpr char kVersion = 1;
constexpr size_t kChecksumSize = 4;
constexpr size_t kHeaderSize = 1 + kChecksumSize;
constexpr absl::string_view kWayOut =
    "pass one that an event or a WatchResponse brought, unchanged; or none, to begin now or with "
    "the oldest event (from_oldest)";

std::string Checksum(absl::string_view message) {
  const uint64_t hash = StableHash(message);
  std::string bytes;
  for (size_t i = 0; i < kChecksumSize; ++i) {
    bytes.push_back(static_cast<char>(hash >> (8 * i)));
  }
  return bytes;
}

std::string Encode(const FeedCursor& cursor) {
  const std::string message = cursor.SerializeAsString();
  return absl::WebSafeBase64Escape(
      absl::StrCat(absl::string_view(&kVersion, 1), Checksum(message), message));
}

bool Decode(absl::string_view text, FeedCursor& cursor) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(text, &bytes) || bytes.size() < kHeaderSize ||
      bytes[0] != kVersion) {
    return false;
  }
  const absl::string_view message = absl::string_view(bytes).substr(kHeaderSize);
  return absl::string_view(bytes).substr(1, kChecksumSize) == Checksum(message) &&
         cursor.ParseFromArray(message.data(), static_cast<int>(message.size()));
}

// The first bytes of a text that may be long or unprintable.
std::string Show(absl::string_view text) {
  constexpr size_t kShown = 40;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kShown)),
                      text.size() > kShown ? "..." : "", "\"");
}

}  // namespace

std::string Cursors::OfFeed(absl::string_view name_space,
                            const std::vector<uint64_t>& places) const {
  FeedCursor cursor;
  cursor.set_namespace_(std::string(name_space));
  cursor.set_directory(directory_);
  for (uint32_t shard = 0; shard < places.size(); ++shard) {
    FeedCursor::Position& position = *cursor.add_positions();
    position.set_shard(shard);
    position.set_sequence(places[shard]);
  }
  return Encode(cursor);
}

std::string Cursors::OfEvent(const reactor::Notice& notice, uint32_t shard) const {
  FeedCursor cursor;
  cursor.set_namespace_(std::string(NamespaceOf(notice.key)));
  cursor.set_directory(directory_);
  cursor.set_time_ns(ToNanos(notice.event.time));
  if (notice.feed.sequence > 0) {
    FeedCursor::Position& position = *cursor.add_positions();
    position.set_shard(shard);
    position.set_sequence(notice.feed.sequence);
    if (notice.feed.durable != notice.feed.sequence) {
      position.set_durable(notice.feed.durable);
      cursor.set_process(process_);
    }
  }
  return Encode(cursor);
}

absl::StatusOr<std::vector<reactor::FeedStart>> Cursors::Read(absl::string_view text,
                                                              absl::string_view name_space,
                                                              size_t shards) const {
  FeedCursor cursor;
  if (!Decode(text, cursor)) {
    return BadField("cursor", "cursor ", Show(text), " is damaged, or no cursor at all; ", kWayOut);
  }
  if (cursor.directory() != directory_) {
    return BadField("cursor", "cursor ", Show(text),
                    " is of another server or an earlier data directory; ", kWayOut);
  }
  if (cursor.namespace_() != name_space) {
    return BadField("cursor", "cursor ", Show(text), " is of namespace \"", cursor.namespace_(),
                    "\", and this is a feed of \"", name_space, "\"; ", kWayOut);
  }
  std::vector<reactor::FeedStart> starts(shards,
                                         reactor::SinceTime{InstantFromNanos(cursor.time_ns())});
  for (const FeedCursor::Position& position : cursor.positions()) {
    if (position.shard() >= shards) {
      return BadField("cursor", "cursor ", Show(text), " names shard ", position.shard(),
                      " of a server that has ", shards, "; ", kWayOut);
    }
    const bool may_be_lost = position.has_durable() && cursor.process() != process_;
    starts[position.shard()] =
        reactor::AfterEvent{may_be_lost ? position.durable() : position.sequence()};
  }
  return starts;
}

}  // namespace timerd::service
