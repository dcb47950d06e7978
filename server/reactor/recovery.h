// What happens between opening a shard's store and running the shard.
#pragma once

#include "absl/status/statusor.h"
#include "server/store/shard_log.h"
#include "server/store/state_store.h"

namespace timerd::reactor {

// Applies the frames of `log` that `state` has not seen, and returns where `state` then stands.
// DataLoss when a frame is missing or damaged.
absl::StatusOr<store::Position> Recover(store::ShardLog& log, store::StateStore& state);

}  // namespace timerd::reactor
