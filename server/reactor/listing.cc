#include "server/reactor/listing.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "server/base/status.h"
#include "server/reactor/codec.h"

namespace timerd::reactor {
namespace {

// Handles looked at for one page: some ten milliseconds.
constexpr size_t kMaxLookedAt = 4096;
// Deadlines passed over for one page, of handles of other namespaces: the same again.
constexpr size_t kMaxScanned = 32'768;

bool IsFull(const Listed& listed, size_t max_rows, size_t bytes) {
  return listed.rows.size() == max_rows || bytes >= kMaxPageBytes;
}

bool Matches(const ListFilter& filter, const timer::Handle& handle) {
  return (!filter.phase || handle.phase == *filter.phase) &&
         (!filter.kind || handle.spec.kind == *filter.kind) &&
         absl::StartsWith(handle.key, filter.prefix);
}

struct Entry {
  DueKey due;  // on the service timeline
  DueKey indexed;
  Timeline timeline;
  std::string key;
};

// The next deadlines after `after`, of both clocks, of keys that begin with `prefix`: in the order
// in which they act. Sets `end` to where the scan broke off, if it did.
absl::Status ScanPending(const store::StateStore& state, const List& list, Span wall_ahead,
                         const std::vector<std::string>& lines, std::vector<Entry>& entries,
                         std::optional<DueKey>& end) {
  // What one index has to say: `ahead` of service time are its deadlines.
  const auto take_from = [&](Timeline timeline, Span ahead, auto scan) {
    std::optional<DueKey> after = list.after.due;
    if (after) {
      after->deadline += ahead;
    }
    size_t scanned = 0;
    size_t taken = 0;
    return scan(after, [&, ahead, timeline](const DueKey& indexed, absl::string_view key) {
      const DueKey due{indexed.deadline - ahead, indexed.place};
      if (absl::StartsWith(key, list.filter.prefix)) {
        entries.push_back({due, indexed, timeline, std::string(key)});
        ++taken;
      }
      if (++scanned < kMaxScanned && taken < kMaxLookedAt) {
        return true;
      }
      end = end ? std::min(*end, due) : due;
      return false;
    });
  };
  for (const Timeline timeline : kFiringTimelines) {
    const Span ahead = timeline == Timeline::kWall ? wall_ahead : Span::zero();
    TIMERD_RETURN_IF_ERROR(
        take_from(timeline, ahead, [&](const std::optional<DueKey>& after, auto visit) {
          return state.ScanDue(timeline, after, Instant::max(), visit);
        }));
  }
  for (const std::string& line : lines) {
    TIMERD_RETURN_IF_ERROR(take_from(Timeline::kQueue, Span::zero(),
                                     [&](const std::optional<DueKey>& after, auto visit) {
                                       return state.ScanWaiting(line, after, visit);
                                     }));
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.due < b.due; });
  return absl::OkStatus();
}

absl::StatusOr<Listed> ListPending(const store::StateStore& state, const List& list,
                                   Span wall_ahead, const std::vector<std::string>& lines) {
  std::vector<Entry> entries;
  std::optional<DueKey> end;
  TIMERD_RETURN_IF_ERROR(ScanPending(state, list, wall_ahead, lines, entries, end));
  Listed listed;
  size_t bytes = 0;
  size_t looked_at = 0;
  for (const Entry& entry : entries) {
    if (end && *end < entry.due) {
      break;
    }
    if (IsFull(listed, list.max_rows, bytes) || looked_at == kMaxLookedAt) {
      return listed;  // `next` is the last row's
    }
    ++looked_at;
    listed.next = ListCursor{.due = entry.due};
    TIMERD_ASSIGN_OR_RETURN(const std::optional<store::Record> record, state.Get(entry.key));
    if (!record) {
      continue;  // forgotten since the scan
    }
    TIMERD_ASSIGN_OR_RETURN(timer::Handle handle, Decode(entry.key, record->spec, record->state));
    // Time-outs stand in the same index; so may a deadline that has just moved.
    const bool own = entry.timeline == Timeline::kQueue
                         ? timer::WaitingKey(handle) == entry.indexed
                         : handle.due && !timer::WaitingKey(handle) &&
                               handle.due->index_key() == IndexKey{entry.timeline, entry.indexed};
    if (own && Matches(list.filter, handle)) {
      listed.rows.push_back({entry.due, std::move(handle)});
      bytes += record->spec.size() + record->state.size();
    }
  }
  listed.next = end ? std::optional(ListCursor{.due = *end}) : std::nullopt;
  return listed;
}

absl::StatusOr<Listed> ListByKey(const store::StateStore& state, const List& list, Instant now) {
  Listed listed;
  absl::Status decoded;
  size_t looked_at = 0;
  size_t bytes = 0;
  bool more = false;
  std::string last;
  TIMERD_RETURN_IF_ERROR(
      state.Walk(list.filter.prefix, list.after.key, [&](auto key, auto spec, auto state_bytes) {
        if (IsFull(listed, list.max_rows, bytes) || looked_at == kMaxLookedAt) {
          more = true;
          return false;
        }
        ++looked_at;
        last = std::string(key);
        absl::StatusOr<timer::Handle> handle = Decode(key, spec, state_bytes);
        if (!handle.ok()) {
          decoded = handle.status();
          return false;
        }
        if (!timer::IsForgotten(*handle, now) && Matches(list.filter, *handle)) {
          listed.rows.push_back({{}, *std::move(handle)});
          bytes += spec.size() + state_bytes.size();
        }
        return true;
      }));
  TIMERD_RETURN_IF_ERROR(decoded);
  if (more) {
    listed.next = ListCursor{.key = std::move(last)};
  }
  return listed;
}

}  // namespace

absl::StatusOr<Listed> ListHandles(const store::StateStore& state, const List& list, Instant now,
                                   Span wall_ahead, const std::vector<std::string>& lines) {
  const bool pending = list.filter.phase == timer::Phase::kPending;
  TIMERD_ASSIGN_OR_RETURN(Listed listed, pending ? ListPending(state, list, wall_ahead, lines)
                                                 : ListByKey(state, list, now));
  listed.now = now;
  listed.wall_ahead = wall_ahead;
  return listed;
}

}  // namespace timerd::reactor
