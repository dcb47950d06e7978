// What a shard has before it and holds, for metrics.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/base/instant.h"

namespace timerd::reactor {

struct Load {
  size_t inbox = 0;         // commands that wait
  size_t inbox_most = 0;    // that have waited at once, since the start
  uint64_t frames = 0;      // written to the log, since the start
  uint64_t operations = 0;  // in those frames: handles written or erased
  size_t residents = 0;     // handles in memory, at the end of the last turn,
  size_t resident_bytes = 0;
  size_t unapplied_bytes = 0;  // changes that are in the log and not in the state
  // How far ahead of now handles are loaded: as the limits allow, and as it is.
  Span window{};
  Span loaded_ahead{};
  uint64_t pages = 0;       // of deadlines that were loaded, since the start,
  uint64_t late_pages = 0;  // and whose first had passed by then
};

}  // namespace timerd::reactor
