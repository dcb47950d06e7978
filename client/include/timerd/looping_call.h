// The handle of a loop, and what its function gets and gives.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "timerd/handle.h"

namespace timerd {
inline namespace client {

struct LoopTick {
  uint64_t run = 0;     // 1, 2, 3, ...
  uint64_t count = 0;   // intervals since the last tick, at least 1; they add up
  uint64_t missed = 0;  // count - 1: ticks that this one also stands for
  absl::Time deadline;  // when it was due; equals `time` for the tick of a loop that starts at once
  absl::Time time;      // when the server decided it
  std::string payload;  // what the loop was started with
};

// How a run of a loop ended: go on (an OK status), fail (any other status, which ends the loop in
// FAILED), or stop (which ends it in STOPPED).
class LoopResult {
 public:
  LoopResult(absl::Status status)
      : status_(std::move(status)) {}  // NOLINT(google-explicit-constructor)
  static LoopResult Stop() {
    LoopResult result{absl::OkStatus()};
    result.stop_ = true;
    return result;
  }

  const absl::Status& status() const { return status_; }
  bool stop() const { return stop_; }

 private:
  absl::Status status_;
  bool stop_ = false;
};

// There are never two runs at a time. done(): STOPPED after a stop, FAILED after a failed run.
class LoopingCall : public Handle {
 public:
  LoopingCall() = default;

  // Once Stop() has returned, no further run begins here; one that has begun goes on, and its
  // report ends the loop. OK, or kFailedPrecondition with NOT_RUNNING. Asked again until answered.
  Future<absl::Status> Stop() const;

 private:
  friend class Client;
  using Handle::Handle;
};

}  // namespace client
}  // namespace timerd
