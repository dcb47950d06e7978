// How a timer or loop is delivered by a queue.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace timerd {
inline namespace client {

// How often and when a run is tried again. What is 0 is as the queue says.
struct RetryPolicy {
  absl::Duration initial_backoff;  // the wait after the first attempt
  double factor = 0;               // each wait is this times the one before; at least 1
  absl::Duration max_backoff;      // no wait is longer
  uint32_t max_attempts = 0;       // in all
};

struct QueueDelivery {
  // Runs are carried out by a worker of this queue (worker.h), and again until one has settled
  // them.
  std::string queue;
  // How long a worker has for each attempt, unless it extends it; 0: as the queue says.
  absl::Duration lease;
  RetryPolicy retry;
};

}  // namespace client
}  // namespace timerd
