#include "server/reactor/feeds.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/reactor/feed_page.h"

namespace timerd::reactor {
namespace {

// Events looked at for trimming in one turn: some milliseconds.
constexpr size_t kTrimPage = 2048;
// Events wait on disk for at most this long after their retention.
constexpr Span kSweepInterval = std::chrono::seconds(1);
// A feed that is too large loses this part more than it must, so that not each event needs a look
// at the front.
constexpr uint64_t kSlackPart = 16;

}  // namespace

Feeds::Feeds(const std::vector<store::FeedExtent>& stored, const FeedLimits& limits,
             UsageRegistry* usage)
    : limits_(limits), usage_(usage) {
  for (const store::FeedExtent& extent : stored) {
    Entry& entry = Find(extent.name());
    entry.extent = extent;
    entry.durable_next = entry.applied_next = extent.next();
    if (entry.usage != nullptr) {
      entry.usage->OnFeed(static_cast<int64_t>(extent.next() - extent.first()),
                          static_cast<int64_t>(extent.bytes()));
    }
  }
}

Feeds::Entry& Feeds::Find(absl::string_view name) {
  const auto found = entries_.find(name);
  if (found != entries_.end()) {
    return *found->second;
  }
  auto entry = std::make_unique<Entry>();
  entry->extent.set_name(std::string(name));
  entry->extent.set_first(1);
  entry->extent.set_next(1);
  entry->usage = usage_ == nullptr ? nullptr : usage_->Get(name);
  return *entries_.emplace(std::string(name), std::move(entry)).first->second;
}

void Feeds::Append(Notice& notice, store::Frame& frame) {
  Entry& entry = Find(NamespaceOf(notice.key));
  store::FeedExtent& extent = entry.extent;
  const uint64_t sequence = extent.next();
  const bool was_empty = extent.first() == sequence;
  extent.set_next(sequence + 1);
  MarkChanged(entry);
  if (limits_.IsOff()) {
    if (was_empty) {
      extent.set_first(sequence + 1);
      extent.set_trimmed_ns(ToNanos(notice.event.time));
    } else {
      MarkOver(entry);
    }
    return;
  }
  notice.feed = {.sequence = sequence, .durable = entry.durable_next - 1};
  storage::v1::FeedEvent& event = *frame.add_events();
  EncodeFeedEvent(notice, event);
  const size_t bytes = event.ByteSizeLong();
  extent.set_bytes(extent.bytes() + bytes);
  if (was_empty) {
    extent.set_oldest_ns(ToNanos(notice.event.time));
  }
  if (entry.usage != nullptr) {
    entry.usage->OnFeed(1, static_cast<int64_t>(bytes));
  }
  if (extent.bytes() > limits_.max_bytes) {
    MarkOver(entry);
  }
}

absl::StatusOr<bool> Feeds::Trim(const store::StateStore& state, Instant now) {
  if (now >= next_sweep_) {
    next_sweep_ = now + kSweepInterval;
    for (const auto& [name, entry] : entries_) {
      const store::FeedExtent& extent = entry->extent;
      const bool is_old = InstantFromNanos(extent.oldest_ns()) <= now - limits_.retention;
      if (extent.first() < extent.next() && (is_old || limits_.IsOff())) {
        MarkOver(*entry);
      }
    }
  }
  bool waits = false;
  for (size_t budget = kTrimPage; budget > 0 && !over_.empty();) {
    Entry& entry = *over_.front();
    over_.pop_front();
    entry.over = false;
    TIMERD_ASSIGN_OR_RETURN(const size_t looked_at, TrimFront(state, entry, now, budget));
    if (looked_at == budget) {
      MarkOver(entry);  // and on in the next turn
    } else {
      waits |= entry.extent.bytes() > limits_.max_bytes;
    }
    budget -= looked_at;
  }
  return waits;
}

absl::StatusOr<size_t> Feeds::TrimFront(const store::StateStore& state, Entry& entry, Instant now,
                                        size_t limit) {
  struct Seen {
    uint64_t sequence;
    uint64_t block_end;
    int64_t time_ns;
    size_t bytes;
  };
  store::FeedExtent& extent = entry.extent;
  const uint64_t keep = extent.bytes() > limits_.max_bytes
                            ? limits_.max_bytes - limits_.max_bytes / kSlackPart
                            : limits_.max_bytes;
  std::vector<Seen> seen;  // those to go, and the first that stays
  uint64_t left = extent.bytes();
  bool stays = false;
  absl::Status parsed;
  TIMERD_RETURN_IF_ERROR(
      state.ScanFeed(extent.name(), extent.first(), [&](const store::StoredEvent& stored) {
        const absl::StatusOr<Notice> notice = DecodeFeedEvent(stored.bytes);
        if (!notice.ok()) {
          parsed = notice.status();
          return false;
        }
        const Instant time = notice->event.time;
        seen.push_back({stored.sequence, stored.block_end, ToNanos(time), stored.bytes.size()});
        stays = !limits_.IsOff() && time > now - limits_.retention && left <= keep;
        left -= std::min<uint64_t>(left, stored.bytes.size());
        return !stays && seen.size() < limit;
      }));
  TIMERD_RETURN_IF_ERROR(parsed);
  const size_t looked_at = seen.size();
  const uint64_t end = limits_.IsOff() && looked_at < limit ? extent.next()
                       : seen.empty()                       ? extent.first()
                                                            : seen.back().sequence + 1;
  // What is behind the last one seen may not be in the store yet, so that one stays in any case.
  std::optional<Seen> oldest;
  if (!seen.empty() && (stays || end < extent.next())) {
    oldest = seen.back();
    seen.pop_back();
  }
  const uint64_t first = oldest ? oldest->sequence : end;
  if (first == extent.first()) {
    return looked_at;
  }
  uint64_t freed = 0;
  for (const Seen& each : seen) {
    freed += each.bytes;
    extent.set_trimmed_ns(each.time_ns);
    if (each.sequence == each.block_end) {
      extent.add_trimmed(each.block_end);
    }
  }
  if (limits_.IsOff() && !oldest) {
    extent.set_trimmed_ns(ToNanos(now));  // events were made meanwhile that are not in the store
  }
  if (entry.usage != nullptr) {
    entry.usage->OnFeed(-static_cast<int64_t>(seen.size()), -static_cast<int64_t>(freed));
  }
  extent.set_bytes(extent.bytes() - std::min(extent.bytes(), freed));
  extent.set_first(first);
  extent.set_oldest_ns(oldest ? oldest->time_ns : 0);
  MarkChanged(entry);
  return looked_at;
}

void Feeds::MarkChanged(Entry& entry) {
  if (!entry.changed) {
    entry.changed = true;
    changed_.push_back(&entry);
  }
}

void Feeds::MarkOver(Entry& entry) {
  if (!entry.over) {
    entry.over = true;
    over_.push_back(&entry);
  }
}

void Feeds::TakeChanged(store::Frame& frame) {
  InFlight& in_flight = in_flight_.emplace_back(InFlight{frame.sequence(), {}});
  for (Entry* const entry : changed_) {
    entry->changed = false;
    *frame.add_feeds() = entry->extent;
    entry->extent.clear_trimmed();
    in_flight.grown.emplace_back(entry, entry->extent.next());
  }
  changed_.clear();
}

void Feeds::OnDurable(uint64_t frame, absl::FunctionRef<void(absl::string_view)> on_grown) {
  TIMERD_CHECK(!in_flight_.empty() && frame >= in_flight_.front().frame);
  for (const auto& [entry, next] : in_flight_[frame - in_flight_.front().frame].grown) {
    if (entry->durable_next < next) {
      entry->durable_next = next;
      on_grown(entry->extent.name());
    }
  }
}

void Feeds::OnApplied(uint64_t frame) {
  TIMERD_CHECK(!in_flight_.empty() && in_flight_.front().frame == frame);
  const InFlight applied = std::move(in_flight_.front());
  in_flight_.pop_front();
  for (const auto& [entry, next] : applied.grown) {
    entry->applied_next = std::max(entry->applied_next, next);
    if (entry->extent.bytes() > limits_.max_bytes) {
      MarkOver(*entry);
    }
  }
}

store::FeedExtent Feeds::ExtentOf(absl::string_view name_space) const {
  const auto found = entries_.find(name_space);
  if (found != entries_.end()) {
    return found->second->extent;
  }
  store::FeedExtent empty;
  empty.set_name(std::string(name_space));
  empty.set_first(1);
  empty.set_next(1);
  return empty;
}

uint64_t Feeds::AppliedNext(absl::string_view name_space) const {
  const auto found = entries_.find(name_space);
  return found == entries_.end() ? 1 : found->second->applied_next;
}

bool Feeds::IsStoreBehind(absl::string_view name_space) const {
  const auto found = entries_.find(name_space);
  return found != entries_.end() && found->second->applied_next < found->second->durable_next;
}

}  // namespace timerd::reactor
