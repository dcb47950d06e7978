// The handle of a loop, and what its function gets and gives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "timerd/handle.h"

namespace timerd {
inline namespace client {

struct LoopTick {
  uint64_t run = 0;     // 1, 2, 3, ...
  uint64_t count = 0;   // intervals since the last tick, at least 1; they add up. 0 when triggered
  uint64_t missed = 0;  // count - 1: ticks that this one also stands for
  absl::Time deadline;  // when it was due; equals `time` for the tick of a loop that starts at once
  absl::Time time;      // when the server decided it
  std::string payload;  // what the loop was started with
  bool triggered = false;   // made by Trigger()
  uint64_t generation = 0;  // 1, and one more for each loop of this id that replaced another
  // With cron: the time of the wall clock that it was due at.
  std::optional<absl::Time> wall_deadline;
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

// There are never two runs at a time. done(): STOPPED after a stop, FAILED after a failed run,
// COMPLETED after the last run that max_runs or until allow.
//
// The calls below are refused with kFailedPrecondition and NOT_RUNNING when the loop is stopping or
// has ended. All but Trigger() are asked again until answered.
class LoopingCall : public Handle {
 public:
  LoopingCall() = default;

  // Once Stop() has returned, no further run begins here; one that has begun goes on, and its
  // report ends the loop.
  Future<absl::Status> Stop() const;

  // Takes the next deadline away until Resume(); a run under way goes on. PAUSED when it is already
  // paused, NOT_PAUSED when there is nothing to resume.
  Future<absl::Status> Pause() const;
  Future<absl::Status> Resume() const;
  // Begins the intervals anew: the next run is one interval from now. Without effect while a run is
  // under way or the loop is paused.
  Future<absl::Status> Reset() const;
  // The grid stays where it began; the next run is at its first new boundary.
  Future<absl::Status> ChangeInterval(absl::Duration interval) const;
  // Makes a run now, besides those of the schedule; RUN_UNDER_WAY while there is one. Asked once:
  // kUnavailable means that it is not known whether it was made.
  Future<absl::Status> Trigger() const;

 private:
  friend class Client;
  using Handle::Handle;
};

}  // namespace client
}  // namespace timerd
