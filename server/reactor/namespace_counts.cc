#include "server/reactor/namespace_counts.h"

#include <algorithm>

#include "server/base/check.h"
#include "server/base/handle_key.h"

namespace timerd::reactor {

NamespaceCounts::NamespaceCounts(const std::vector<store::NamespaceCount>& stored) {
  for (const store::NamespaceCount& count : stored) {
    counts_[count.name()] = count;
  }
}

void NamespaceCounts::Add(absl::string_view key, timer::Kind kind) { Change(key, kind, 1); }

void NamespaceCounts::Remove(absl::string_view key, timer::Kind kind) { Change(key, kind, -1); }

void NamespaceCounts::Change(absl::string_view key, timer::Kind kind, int by) {
  const std::string name(NamespaceOf(key));
  store::NamespaceCount& count = counts_[name];
  count.set_name(name);
  const auto moved = [by](uint64_t value) {
    TIMERD_CHECK(by > 0 || value > 0);
    return value + static_cast<uint64_t>(by);
  };
  switch (kind) {
    case timer::Kind::kTimer:
      count.set_timers(moved(count.timers()));
      break;
    case timer::Kind::kLoop:
      count.set_loops(moved(count.loops()));
      break;
    case timer::Kind::kTask:
      count.set_tasks(moved(count.tasks()));
      break;
  }
  if (std::find(changed_.begin(), changed_.end(), name) == changed_.end()) {
    changed_.push_back(name);
  }
}

void NamespaceCounts::TakeChanged(store::Frame& frame) {
  for (const std::string& name : changed_) {
    *frame.add_namespaces() = counts_[name];
  }
  changed_.clear();
}

}  // namespace timerd::reactor
