// How many handles live in each namespace of a shard.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/store/shard_log.h"
#include "server/store/state_store.h"
#include "server/timer/handle.h"

namespace timerd::reactor {

// Counts are kept with the handles: what has changed goes into the next frame.
class NamespaceCounts {
 public:
  explicit NamespaceCounts(const std::vector<store::NamespaceCount>& stored);

  // A handle of `key` and `kind` lives from now on, or has ended.
  void Add(absl::string_view key, timer::Kind kind);
  void Remove(absl::string_view key, timer::Kind kind);

  // Moves what has changed since the last call into `frame`.
  void TakeChanged(store::Frame& frame);

 private:
  void Change(absl::string_view key, timer::Kind kind, int by);

  absl::flat_hash_map<std::string, store::NamespaceCount> counts_;
  std::vector<std::string> changed_;  // a few: those that one frame touches
};

}  // namespace timerd::reactor
