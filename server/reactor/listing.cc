#include "server/reactor/listing.h"

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

bool IsFull(const Listed& listed, size_t max_rows, size_t bytes) {
  return listed.rows.size() == max_rows || bytes >= kMaxPageBytes;
}

bool Matches(const ListFilter& filter, const timer::Handle& handle) {
  return (!filter.phase || handle.phase == *filter.phase) &&
         (!filter.kind || handle.spec.kind == *filter.kind) &&
         absl::StartsWith(handle.id, filter.prefix);
}

absl::StatusOr<Listed> ListPending(const store::StateStore& state, const List& list) {
  std::vector<std::pair<DueKey, std::string>> entries;
  TIMERD_RETURN_IF_ERROR(
      state.ScanDue(list.after.due, Instant::max(), [&entries](const DueKey& due, auto id) {
        entries.emplace_back(due, std::string(id));
        return entries.size() < kMaxLookedAt;
      }));
  Listed listed;
  size_t bytes = 0;
  for (const auto& [due, id] : entries) {
    if (IsFull(listed, list.max_rows, bytes)) {
      return listed;  // `next` is the last row's
    }
    listed.next = ListCursor{.due = due};
    TIMERD_ASSIGN_OR_RETURN(const std::optional<store::Record> record, state.Get(id));
    if (!record) {
      continue;  // forgotten since the scan
    }
    TIMERD_ASSIGN_OR_RETURN(timer::Handle handle, Decode(id, record->spec, record->state));
    // Time-outs and retention stand in the same index; so may a deadline that has just moved.
    if (handle.due && handle.due->key() == due && Matches(list.filter, handle)) {
      listed.rows.push_back({due, std::move(handle)});
      bytes += record->spec.size() + record->state.size();
    }
  }
  if (entries.size() < kMaxLookedAt) {
    listed.next.reset();
  }
  return listed;
}

absl::StatusOr<Listed> ListById(const store::StateStore& state, const List& list) {
  Listed listed;
  absl::Status decoded;
  size_t looked_at = 0;
  size_t bytes = 0;
  bool more = false;
  std::string last;
  TIMERD_RETURN_IF_ERROR(
      state.Walk(list.filter.prefix, list.after.id, [&](auto id, auto spec, auto state_bytes) {
        if (IsFull(listed, list.max_rows, bytes) || looked_at == kMaxLookedAt) {
          more = true;
          return false;
        }
        ++looked_at;
        last = std::string(id);
        absl::StatusOr<timer::Handle> handle = Decode(id, spec, state_bytes);
        if (!handle.ok()) {
          decoded = handle.status();
          return false;
        }
        if (Matches(list.filter, *handle)) {
          listed.rows.push_back({{}, *std::move(handle)});
          bytes += spec.size() + state_bytes.size();
        }
        return true;
      }));
  TIMERD_RETURN_IF_ERROR(decoded);
  if (more) {
    listed.next = ListCursor{.id = std::move(last)};
  }
  return listed;
}

}  // namespace

absl::StatusOr<Listed> ListHandles(const store::StateStore& state, const List& list, Instant now) {
  const bool pending = list.filter.phase == timer::Phase::kPending;
  TIMERD_ASSIGN_OR_RETURN(Listed listed,
                          pending ? ListPending(state, list) : ListById(state, list));
  listed.now = now;
  return listed;
}

}  // namespace timerd::reactor
