// What a shard has before it and holds, for metrics.
#pragma once

#include <cstddef>
#include <cstdint>

namespace timerd::reactor {

struct Load {
  size_t inbox = 0;         // commands that wait
  size_t inbox_most = 0;    // that have waited at once, since the start
  uint64_t frames = 0;      // written to the log, since the start
  uint64_t operations = 0;  // in those frames: handles written or erased
  size_t residents = 0;     // handles in memory, at the end of the last turn
};

}  // namespace timerd::reactor
