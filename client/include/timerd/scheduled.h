// What Client::Schedule() and ScheduleLoop() take and give.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "timerd/queue_delivery.h"

namespace timerd {
inline namespace client {

struct ScheduleOptions {
  std::string id;  // as in CallOptions
  // False for a timer whose firing is its end, true for one that waits for a Report().
  bool reported = false;
  // Carried by the FIRED event.
  std::string payload;
  bool replace = false;                                         // as in CallOptions
  absl::Duration client_lost_after = absl::InfiniteDuration();  // as in CallOptions; when reported
  // With a queue its runs are carried out by workers, whose leases take the place of
  // client_lost_after; `reported` may be left out.
  QueueDelivery delivery;
};

// A timer or loop that is durable, and that nobody here follows.
struct Scheduled {
  std::string id;
  absl::Time now;       // the server's time when it decided
  absl::Time deadline;  // on the server's clock; of a loop: of its first tick
  // True when it was there: made by the same call before, perhaps by another program.
  bool existed = false;
  uint64_t generation = 0;  // 1, and one more for each handle of this id that replaced another
};

}  // namespace client
}  // namespace timerd
