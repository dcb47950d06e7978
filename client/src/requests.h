// What the arguments of a creating call are as a request; the id is the caller's to set.
#pragma once

#include "timerd/client.h"
#include "timerd/v1/timers.pb.h"

namespace timerd {
inline namespace client {

v1::ScheduleRequest ToRequest(absl::Duration delay, bool reported, const CallOptions& options);
v1::ScheduleRequest ToRequest(const ScheduleOptions& options);  // detached; without a time
v1::StartLoopRequest ToRequest(absl::Duration interval, const LoopOptions& options);
v1::StartLoopRequest ToRequest(const Cron& cron, const LoopOptions& options);
// For a loop that nobody follows here.
void SetDelivery(const QueueDelivery& delivery, v1::StartLoopRequest& request);
v1::WithTimeoutRequest ToRequest(absl::Duration timeout, const TimeoutOptions& options);

}  // namespace client
}  // namespace timerd
