// Of Shard: what came due while it was not there.
#include <algorithm>
#include <string>
#include <vector>

#include "server/base/status.h"
#include "server/reactor/shard.h"

namespace timerd::reactor {

size_t Shard::FireOverdueOf(Slot slot, const DueKey& until) {
  size_t fired = 0;
  while (!residents_[slot].erased) {
    const std::optional<DueKey> due = timer::NextDue(residents_[slot].handle, wall_ahead_);
    if (!due || *due > until || !WasOverdue(*due)) {
      break;
    }
    fired += FireNow(slot, *due) ? 1 : 0;
  }
  return fired;
}

absl::StatusOr<size_t> Shard::FireOverdue(size_t limit) {
  if (!backlog_) {
    return 0;
  }
  struct Entry {
    DueKey due;  // in service time
    Timeline timeline;
    std::string key;
  };
  std::vector<Entry> entries;
  bool more = false;
  for (const Timeline timeline : kFiringTimelines) {
    const Span ahead = AheadOf(timeline);
    size_t read = 0;
    TIMERD_RETURN_IF_ERROR(state_.ScanDue(
        timeline, OverdueOn(timeline).after, OverdueOn(timeline).last,
        [&](const DueKey& due, absl::string_view key) {
          entries.push_back({{due.deadline - ahead, due.place}, timeline, std::string(key)});
          return ++read < limit;
        }));
    more |= read == limit;
  }
  // Of each timeline there are as many as may be needed of it.
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.due < b.due; });
  if (entries.size() > limit) {
    entries.resize(limit);
    more = true;
  }
  IndexPage page;
  for (const Entry& entry : entries) {
    page.emplace_back(entry.due, entry.key);
  }
  TIMERD_ASSIGN_OR_RETURN(const Records records, ReadRecords(page));
  size_t fired = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    OverdueOn(entry.timeline).after = {entry.due.deadline + AheadOf(entry.timeline),
                                       entry.due.place};
    TIMERD_ASSIGN_OR_RETURN(const Slot slot, LoadIndexed(entry.key, records[i]));
    fired += FireOverdueOf(slot, entry.due);
    Settle(slot);  // the wall clock has been set back, and it is not due any more
  }
  backlog_ = more;
  return fired;
}

}  // namespace timerd::reactor
