// The handle of an operation that runs here and is bounded by the server.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "timerd/handle.h"

namespace timerd {
inline namespace client {

// Tells an operation that nobody waits for it any more: its task was cancelled or timed out, or the
// client is being closed.
class CancellationToken {
 public:
  explicit CancellationToken(Future<bool> over) : over_(std::move(over)) {}

  bool cancelled() const { return over_.ready(); }
  // Sleeps for `duration` or until cancelled; true if cancelled.
  bool WaitFor(absl::Duration duration) const { return over_.Wait(duration).has_value(); }
  void OnCancelled(std::function<void()> callback) const {
    over_.OnReady([callback = std::move(callback)](bool) { callback(); });
  }

 private:
  Future<bool> over_;
};

class Task : public Handle {
 public:
  Task() = default;

  // Report how the operation ended; asked again until answered. The first call counts: true if it
  // was this one. Which of report and time-out came first is for the server to say: see done().
  bool Complete(std::string value) const;
  bool Fail(const absl::Status& failure) const;

  // Moves the time-out to `from_now` from now; gives the new deadline. Asked again until answered,
  // the time spent deducted.
  Future<absl::StatusOr<absl::Time>> Heartbeat(absl::Duration from_now) const;

  CancellationToken token() const;

 private:
  friend class Client;
  using Handle::Handle;
};

}  // namespace client
}  // namespace timerd
