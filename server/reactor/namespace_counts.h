// How many handles live in each namespace of a shard, and what happens there.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/token_bucket.h"
#include "server/reactor/usage.h"
#include "server/store/shard_log.h"
#include "server/store/state_store.h"
#include "server/timer/handle.h"

namespace timerd::reactor {

// Of one namespace, over all shards.
struct NamespaceLimits {
  uint64_t max_handles = 10'000'000;  // that live at once
  uint32_t max_rate = 0;              // new ones per second; 0: no limit
};

// What lives is written down with the handles: what has changed goes into the next frame. The
// server as a whole is told, by its UsageRegistry, for the limit on handles and for metrics.
class NamespaceCounts {
 public:
  // `usage` outlives the counts; null: nobody is told, and nothing is limited.
  NamespaceCounts(const std::vector<store::NamespaceCount>& stored, UsageRegistry* usage,
                  const NamespaceLimits& limits);

  // Counts a handle that is to be made; RESOURCE_EXHAUSTED when its namespace has as many as it
  // may, has had as many new ones as it may, or would be one too many.
  absl::Status Admit(absl::string_view key, timer::Kind kind, Instant now);
  // The same of one that is to take the place of another: counted once that has ended.
  absl::Status AdmitReplacement(absl::string_view key, Instant now);
  void CountReplacement(absl::string_view key, timer::Kind kind);
  // `handle` has made `event`.
  void OnEvent(const timer::Handle& handle, const timer::Event& event);

  // Moves what has changed since the last call into `frame`.
  void TakeChanged(store::Frame& frame);

 private:
  struct Entry {
    store::NamespaceCount stored;
    NamespaceUsage* usage = nullptr;  // null: there are too many namespaces, or nobody is told
    bool changed = false;
  };

  // Counts against the rate alone. `entry` has a usage, or nobody is told.
  absl::Status TakeTurn(const Entry& entry, Instant now) const;
  Entry& Find(absl::string_view key);
  void Change(Entry& entry, timer::Kind kind, int by);

  UsageRegistry* const usage_;
  const uint64_t max_handles_;
  const uint32_t max_rate_;
  const Rate rate_;
  absl::flat_hash_map<std::string, Entry> entries_;
  std::vector<std::string> changed_;  // a few: those that one frame touches
};

}  // namespace timerd::reactor
