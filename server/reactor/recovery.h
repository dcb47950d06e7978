// What happens between opening a shard's store and running the shard.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/clock/clock.h"
#include "server/store/shard_log.h"
#include "server/store/state_store.h"

namespace timerd::reactor {

struct Recovered {
  store::Position position;
  std::vector<store::NamespaceCount> namespaces;
  std::vector<store::QueueCount> queues;
  std::vector<store::FeedExtent> feeds;

  clock::Reading reading() const {
    return {InstantFromNanos(position.time_ns()), position.wall_ns()};
  }
};

// Applies the frames of `log` that `state` has not seen, and returns where `state` then stands and
// what lives there.
// DataLoss when a frame is missing or damaged.
absl::StatusOr<Recovered> Recover(store::ShardLog& log, store::StateStore& state);

}  // namespace timerd::reactor
