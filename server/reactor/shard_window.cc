// Of Shard: time going by, and which handles are in memory.
#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/reactor/codec.h"
#include "server/reactor/shard.h"

namespace timerd::reactor {
namespace {

// Due-index entries read at a time: a few milliseconds of work.
constexpr size_t kPage = 512;
// The window never shrinks below this: what is due so soon is worth its memory.
constexpr Span kSmallestWindow = std::chrono::seconds(1);

struct Weighed {
  DueKey key;
  size_t bytes;
};

// How far those in front, in the order of their keys, go before they have `bytes`. REQUIRES: some,
// that have more than `bytes` in all. Reorders them. O(their number).
DueKey FindByWeight(std::vector<Weighed>& all, size_t bytes) {
  auto first = all.begin();
  auto last = all.end();
  while (last - first > 1) {
    const auto middle = first + (last - first) / 2;
    std::nth_element(first, middle, last,
                     [](const Weighed& a, const Weighed& b) { return a.key < b.key; });
    const size_t before = std::accumulate(
        first, middle, size_t{0}, [](size_t sum, const Weighed& each) { return sum + each.bytes; });
    if (before > bytes) {
      last = middle;
    } else {
      bytes -= before;
      first = middle;
    }
  }
  return first->key;
}
// Handles that are over wait on disk for at most this long after their retention.
constexpr Span kForgetInterval = std::chrono::seconds(1);

}  // namespace

// ---- Time --------------------------------------------------------------------------------------

Instant Shard::NowOn(Timeline timeline) const { return reading_.now + AheadOf(timeline); }

DueKey Shard::Horizon() const {
  DueKey wall = Loaded(Timeline::kWall);
  wall.deadline -= wall_ahead_;
  return std::min(Loaded(Timeline::kService), wall);
}

void Shard::FollowWallClock(Span ahead) {
  wall_ahead_ = ahead;
  // Set back, the window would reach as far ahead as the clock was set.
  const DueKey window{NowOn(Timeline::kWall) + window_.span, kLastPlace};
  Loaded(Timeline::kWall) = std::min(Loaded(Timeline::kWall), window);
  for (const Slot slot : residents_.All()) {
    const timer::IndexKeys& indexed = residents_[slot].indexed;
    const bool on_wall = std::any_of(indexed.begin(), indexed.end(), [](const IndexKey& key) {
      return key.timeline == Timeline::kWall;
    });
    if (on_wall || residents_[slot].dirty) {
      Settle(slot);
    }
  }
}

size_t Shard::Fire(size_t limit) {
  size_t fired = 0;
  wheel::Expired expired;
  const DueKey horizon = Horizon();
  while (fired < limit && wheel_.PopExpired(TickReached(reading_.now), &expired)) {
    const Slot slot = expired.handle;
    const DueKey due{TickStart(expired.deadline), expired.place};
    if (due > horizon) {
      wheel_.Arm(slot, expired.deadline, expired.place);
      break;  // others may be due before it
    }
    fired += FireNow(slot, due) ? 1 : 0;
  }
  return fired;
}

bool Shard::FireNow(Slot slot, const DueKey& due) {
  timer::Handle& handle = residents_[slot].handle;
  const uint64_t rests_on = LatestFrameOf(residents_[slot]);
  // What is written of it is later than what acts now: a crash would bring it back to life.
  const bool ahead_of_log = timer::HasReservation(handle);
  timer::Context context = MakeContext();
  context.followed = handle.lost && sink_.IsFollowed(handle.key);
  context.queue_policy = QueuePolicy(handle);
  const timer::Fired fired = timer::Fire(handle, context);
  if (fired == timer::Fired::kQueued && WaitUnwritten(slot)) {
    return true;
  }
  const bool acted = fired != timer::Fired::kMoved;
  MarkDirty(slot);
  Emit(slot, ahead_of_log ? LatestFrame() : rests_on, /*redelivery=*/backlog_ && WasOverdue(due));
  return acted;
}

absl::StatusOr<size_t> Shard::Forget() {
  TIMERD_RETURN_IF_ERROR(ForgetLetters());
  TIMERD_ASSIGN_OR_RETURN(const bool waits, feeds_.Trim(state_, reading_.now));
  if (waits) {
    Want(taken_);
  }
  if (reading_.now < next_forget_) {
    return 0;
  }
  // Retentions end no earlier than they are set: what is not applied yet lies beyond this.
  const Instant stored = !in_flight_.empty()  ? in_flight_.front().since
                         : !gathered_.empty() ? last_taken_at_
                                              : reading_.now;
  const DueKey until{stored - kTickDuration, kLastPlace};
  if (until <= forgotten_) {
    return 0;
  }
  std::vector<std::pair<DueKey, std::string>> page;
  TIMERD_RETURN_IF_ERROR(state_.ScanDue(Timeline::kRetention, forgotten_, until.deadline,
                                        [&page](const DueKey& due, auto key) {
                                          page.emplace_back(due, std::string(key));
                                          return page.size() < kPage;
                                        }));
  const bool full = page.size() == kPage;
  forgotten_ = full ? page.back().first : until;
  next_forget_ = full ? reading_.now : reading_.now + kForgetInterval;
  for (const auto& [due, key] : page) {
    TIMERD_ASSIGN_OR_RETURN(const std::optional<Slot> slot, Load(key));
    if (slot && !residents_[*slot].erased &&
        timer::IsForgotten(residents_[*slot].handle, reading_.now)) {
      residents_[*slot].erased = true;
      MarkDirty(*slot);
    } else if (slot) {
      Settle(*slot);  // used again meanwhile
    }
  }
  return page.size();
}

Instant Shard::NextLoaded() {
  const wheel::Tick tick = wheel_.NextWake();
  return tick == wheel::kNever ? Instant::max() : TickStart(tick);
}

absl::StatusOr<Instant> Shard::NextStored() const {
  Instant next = Instant::max();
  for (const Timeline timeline : kFiringTimelines) {
    TIMERD_RETURN_IF_ERROR(state_.ScanDue(
        timeline, Loaded(timeline), Instant::max(), [&](const DueKey& due, absl::string_view) {
          next = std::min(next, due.deadline - (NowOn(timeline) - reading_.now));
          return false;
        }));
  }
  return next;
}

Instant Shard::NextWake() {
  if (!feed_reads_.empty() && feed_reads_.front().after <= applied_) {
    return reading_.now;
  }
  Instant wake = NextLoaded();
  for (const Timeline timeline : kFiringTimelines) {
    const Span until_behind = Loaded(timeline).deadline - NowOn(timeline);
    if (until_behind <= Span::zero()) {
      return reading_.now;
    }
    const Span ahead = LoadAhead();
    wake = std::min(wake, reading_.now + until_behind -
                              (IsStoreBehind() ? std::min(ahead, Urgent() / 2) : ahead));
  }
  return wake;
}

absl::StatusOr<std::optional<Instant>> Shard::NextDeadline() {
  std::optional<DueKey> next;
  // A deadline that only asks whether somebody still follows is none, while somebody does.
  const auto consider = [&](timer::Handle handle) {
    if (handle.lost && sink_.IsFollowed(handle.key)) {
      handle.lost.reset();
    }
    const std::optional<DueKey> due = timer::NextDue(handle, wall_ahead_);
    if (due && (!next || *due < *next)) {
      next = due;
    }
    return due;
  };
  for (const Slot slot : residents_.All()) {
    if (!residents_[slot].erased) {
      consider(residents_[slot].handle);
    }
  }
  for (const Timeline timeline : kFiringTimelines) {
    absl::Status status;
    TIMERD_RETURN_IF_ERROR(state_.ScanDue(
        timeline, Loaded(timeline), Instant::max(),
        [&](const DueKey& entry, absl::string_view key) {
          absl::StatusOr<std::optional<store::Record>> record = state_.Get(key);
          if (!record.ok() || !record->has_value()) {
            status = record.status();
            return status.ok();
          }
          absl::StatusOr<timer::Handle> handle = Decode(key, (*record)->spec, (*record)->state);
          status = handle.status();
          if (!status.ok()) {
            return false;
          }
          const Instant deadline = entry.deadline - (NowOn(timeline) - reading_.now);
          const std::optional<DueKey> due = consider(*std::move(handle));
          return !due || due->deadline > deadline;  // else all others of this timeline are later
        }));
    TIMERD_RETURN_IF_ERROR(status);
  }
  return next ? std::optional<Instant>(next->deadline) : std::nullopt;
}

// ---- Memory ------------------------------------------------------------------------------------

bool Shard::IsWithinWindow(const timer::Handle& handle) const {
  const auto within = [this](const Deadline& deadline) {
    const IndexKey key = deadline.index_key();
    return key.due <= Loaded(key.timeline);
  };
  const std::optional<DueKey> waiting = timer::WaitingKey(handle);
  if (waiting) {
    const Line* const line = lines_.Find(LineName{NamespaceOf(handle.key), handle.spec.queue});
    if (line != nullptr && *waiting <= line->loaded) {
      return true;
    }
  } else if (handle.delivery.due && within(*handle.delivery.due)) {
    return true;
  }
  return (handle.due && !waiting && within(*handle.due)) || (handle.lost && within(*handle.lost)) ||
         std::any_of(handle.timeouts.begin(), handle.timeouts.end(),
                     [&within](const timer::Timeout& timeout) { return within(timeout.due); });
}

absl::StatusOr<Shard::Records> Shard::ReadRecords(const IndexPage& page) const {
  std::vector<absl::string_view> keys;
  std::vector<size_t> places;
  for (size_t i = 0; i < page.size(); ++i) {
    if (!residents_.Find(page[i].second)) {
      keys.push_back(page[i].second);
      places.push_back(i);
    }
  }
  TIMERD_ASSIGN_OR_RETURN(Records read, state_.GetMany(keys));
  Records records(page.size());
  for (size_t i = 0; i < places.size(); ++i) {
    records[places[i]] = std::move(read[i]);
  }
  return records;
}

absl::StatusOr<Slot> Shard::LoadIndexed(absl::string_view key,
                                        const std::optional<store::Record>& record) {
  if (record && !residents_.Find(key)) {
    return Add(key, *record);
  }
  TIMERD_ASSIGN_OR_RETURN(const std::optional<Slot> slot, Load(key));
  if (!slot) {
    return absl::DataLossError(absl::StrCat(
        "handle \"", key,
        "\" is in an index but has no record; restore the data directory from a backup"));
  }
  return *slot;
}

absl::StatusOr<bool> Shard::LoadWindow() {
  bool more = false;
  for (const Timeline timeline : kFiringTimelines) {
    TIMERD_ASSIGN_OR_RETURN(const bool full, LoadPage(timeline));
    more |= full;
  }
  return more;
}

Span Shard::Urgent() const { return std::min(window_.span, kSmallestWindow); }

absl::StatusOr<bool> Shard::LoadPage(Timeline timeline) {
  const Instant now = NowOn(timeline);
  if (Loaded(timeline).deadline > now + LoadAhead()) {
    return false;
  }
  if (IsStoreBehind()) {
    Want(taken_);
    if (Loaded(timeline).deadline > now + Urgent() / 2) {
      return false;
    }
  }
  if (residents_.bytes() < options_.max_resident_bytes / 2) {
    window_.span = std::min(options_.window, window_.span * 2);
  }
  const Instant until = now + window_.span;
  IndexPage page;
  TIMERD_RETURN_IF_ERROR(
      state_.ScanDue(timeline, Loaded(timeline), until, [&page](const DueKey& due, auto key) {
        page.emplace_back(due, std::string(key));
        return page.size() < kPage;
      }));
  bool more = page.size() == kPage;
  if (!page.empty()) {
    ++window_.pages;
    window_.late_pages += page.front().first.deadline <= now ? 1 : 0;
  }
  Loaded(timeline) = more ? page.back().first : DueKey{until, kLastPlace};
  TIMERD_ASSIGN_OR_RETURN(const Records records, ReadRecords(page));
  for (size_t i = 0; i < page.size(); ++i) {
    const auto& [due, key] = page[i];
    TIMERD_ASSIGN_OR_RETURN(const Slot slot, LoadIndexed(key, records[i]));
    Settle(slot);
    if (!HasRoom() && due.deadline > now + Urgent()) {
      window_.span = due.deadline - now;
      Loaded(timeline) = due;
      more = false;
      break;
    }
  }
  // What is on its way to the store was not in the page.
  for (const InFlight& frame : in_flight_) {
    std::for_each(frame.slots.begin(), frame.slots.end(), [this](Slot slot) { Rearm(slot); });
  }
  std::for_each(gathered_.begin(), gathered_.end(), [this](Slot slot) { Rearm(slot); });
  return more;
}

void Shard::ShrinkWindow() {
  std::vector<Weighed> loaded;
  size_t bytes = 0;
  const std::vector<Slot> slots = residents_.All();
  for (const Slot slot : slots) {
    const timer::Handle& handle = residents_[slot].handle;
    if (const auto key = timer::NextDue(handle, wall_ahead_); key && IsWithinWindow(handle)) {
      loaded.push_back({*key, residents_[slot].bytes});
      bytes += residents_[slot].bytes;
    }
  }
  if (bytes <= options_.max_resident_bytes / 2) {
    return;  // the others leave as soon as they are stored
  }
  const DueKey middle = FindByWeight(loaded, options_.max_resident_bytes / 2);
  const Span span = middle.deadline - reading_.now;
  if (span < kSmallestWindow) {
    return;
  }
  window_.span = span;
  for (const Timeline timeline : kFiringTimelines) {
    DueKey nearer = middle;
    nearer.deadline += NowOn(timeline) - reading_.now;
    Loaded(timeline) = std::min(Loaded(timeline), nearer);
  }
  std::for_each(slots.begin(), slots.end(), [this](Slot slot) { Settle(slot); });
}

}  // namespace timerd::reactor
