// What Client::Schedule() takes and gives.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

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
};

// A timer that is durable, and that nobody here follows.
struct Scheduled {
  std::string id;
  absl::Time now;       // the server's time when it decided
  absl::Time deadline;  // on the server's clock
  // True when the timer was there: made by the same call before, perhaps by another program.
  bool existed = false;
  uint64_t generation = 0;  // 1, and one more for each timer of this id that replaced another
};

}  // namespace client
}  // namespace timerd
