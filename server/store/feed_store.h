// The feeds of a shard in a key-value store: events in the order of their sequence, and how far
// each feed reaches.
#pragma once

#include "server/store/ordered_kv.h"
#include "server/store/shard_log.h"

namespace timerd::store {

// Adds to `batch` what `frame` says of feeds: the events in blocks, behind all that are there, and
// how far each feed reaches. The same frame makes the same blocks each time.
void ApplyFeeds(const Frame& frame, WriteBatch& batch);

}  // namespace timerd::store
