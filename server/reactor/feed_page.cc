#include "server/reactor/feed_page.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/reactor/codec.h"

namespace timerd::reactor {
namespace {

// A page ends with the event that reaches one of these: what a reader that stands still costs.
constexpr size_t kMaxEvents = 256;
constexpr size_t kMaxBytes = 256 << 10;
// Events looked at for one page: some milliseconds.
constexpr size_t kMaxScanned = 4096;

// The first event from `from` on that was decided at `time` or later; `extent.next()` if none was.
// Times never go back along a feed.
absl::StatusOr<uint64_t> FindTime(const store::StateStore& state, const store::FeedExtent& extent,
                                  Instant time) {
  uint64_t least = extent.first();
  uint64_t most = extent.next();
  while (least < most) {
    const uint64_t middle = least + (most - least) / 2;
    bool earlier = false;
    absl::Status decoded;
    TIMERD_RETURN_IF_ERROR(state.ScanFeed(extent.name(), middle, [&](const auto& stored) {
      const absl::StatusOr<Notice> notice = DecodeFeedEvent(stored.bytes);
      decoded = notice.status();
      earlier = notice.ok() && notice->event.time < time;
      return false;
    }));
    TIMERD_RETURN_IF_ERROR(decoded);
    if (earlier) {
      least = middle + 1;
    } else {
      most = middle;
    }
  }
  return least;
}

absl::Status OfTheFuture(const store::FeedExtent& extent, uint64_t sequence) {
  return Refuse(Reason::kInvalidField,
                absl::StrCat("cursor stands behind event ", sequence,
                             " of a shard whose feed of "
                             "namespace \"",
                             extent.name(), "\" has had ", extent.next() - 1,
                             "; the data directory is older than the cursor: begin with the "
                             "oldest event (from_oldest), or without a cursor"),
                "cursor");
}

// Where the page begins, and what is missing before it.
absl::StatusOr<uint64_t> Begin(const store::StateStore& state, const store::FeedExtent& extent,
                               const FeedStart& start, uint64_t& missing) {
  if (const auto* const after = std::get_if<AfterEvent>(&start)) {
    if (after->sequence >= extent.next()) {
      return OfTheFuture(extent, after->sequence);
    }
    const uint64_t from = after->sequence + 1;
    missing = from < extent.first() ? extent.first() - from : 0;
    return from + missing;
  }
  if (const auto* const since = std::get_if<SinceTime>(&start)) {
    // How many of those that are gone were decided since is not known: at most all of them.
    const bool gone = extent.trimmed_ns() != 0 && extent.trimmed_ns() >= ToNanos(since->time);
    missing = gone ? extent.first() - 1 : 0;
    return FindTime(state, extent, since->time);
  }
  return extent.first();
}

}  // namespace

void EncodeFeedEvent(const Notice& notice, storage::v1::FeedEvent& event) {
  event.set_sequence(notice.feed.sequence);
  event.set_key(notice.key);
  event.set_kind(static_cast<storage::v1::Kind>(static_cast<int>(notice.kind) + 1));
  event.set_generation(notice.generation);
  event.set_queue(notice.queue);
  EncodeEvent(notice.event, event.mutable_event());
  event.set_end(notice.end);
  event.set_redelivery(notice.redelivery);
}

absl::StatusOr<Notice> DecodeFeedEvent(absl::string_view bytes) {
  storage::v1::FeedEvent event;
  if (!event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      event.kind() == storage::v1::KIND_UNSPECIFIED) {
    return absl::DataLossError(
        "an event of a feed cannot be read; restore the data directory from a backup");
  }
  Notice notice;
  notice.key = std::move(*event.mutable_key());
  notice.kind = static_cast<timer::Kind>(static_cast<int>(event.kind()) - 1);
  notice.generation = event.generation();
  notice.event = DecodeEvent(event.event());
  notice.redelivery = event.redelivery();
  notice.end = event.end();
  notice.queue = std::move(*event.mutable_queue());
  notice.feed = {.sequence = event.sequence(), .durable = event.sequence()};
  return notice;
}

absl::StatusOr<FeedPage> ReadFeedPage(const store::StateStore& state,
                                      const store::FeedExtent& extent, const ReadFeed& read) {
  FeedPage page;
  TIMERD_ASSIGN_OR_RETURN(uint64_t next, Begin(state, extent, read.start, page.missing));
  page.begin = next - 1;
  if (extent.first() < extent.next()) {
    page.oldest = InstantFromNanos(extent.oldest_ns());
  }
  size_t scanned = 0;
  size_t bytes_taken = 0;
  absl::Status decoded;
  TIMERD_RETURN_IF_ERROR(state.ScanFeed(extent.name(), next, [&](const store::StoredEvent& stored) {
    const bool full =
        page.events.size() == kMaxEvents || bytes_taken >= kMaxBytes || scanned == kMaxScanned;
    // While feeds were turned off, events were numbered and not retained.
    const bool hole = stored.sequence != next;
    if (full || (hole && scanned > 0)) {
      page.more = true;
      return false;
    }
    page.missing += stored.sequence - next;
    page.begin += stored.sequence - next;
    absl::StatusOr<Notice> notice = DecodeFeedEvent(stored.bytes);
    if (!notice.ok()) {
      decoded = notice.status();
      return false;
    }
    ++scanned;
    next = stored.sequence + 1;
    const FeedFilter& filter = read.filter;
    if (absl::StartsWith(notice->key, filter.prefix) &&
        (filter.queue.empty() || notice->queue == filter.queue)) {
      bytes_taken += stored.bytes.size();
      page.events.push_back(*std::move(notice));
    }
    return true;
  }));
  TIMERD_RETURN_IF_ERROR(decoded);
  page.through = next - 1;
  return page;
}

}  // namespace timerd::reactor
