// How a handle ended, and what that means as an absl::Status.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace timerd {
inline namespace client {

enum class End {
  kFired,      // a plain timer fired, and its function has run
  kCompleted,  // success was reported, a time-out's fallback is a success, or a loop is through
  kStopped,    // a loop was stopped
  kFailed,     // failure was reported, a time-out's fallback is a failure, or its client was lost
  kCancelled,  // Cancel was called, or the handle was replaced
  kTimedOut,   // a time-out without a fallback fired
  // The last two are no ends of the handle; they say why this client knows of none.
  kRefused,   // the server refused to make the handle, or does not know it (any more)
  kDetached,  // the client was closed first; the handle lives on at the server
};

// "FIRED", "TIMED_OUT" and so on.
std::string EndName(End end);

struct Ending {
  End end = End::kRefused;
  // kCompleted, kStopped, kFailed: what was reported, byte for byte.
  std::string payload;
  // kCompleted, kFailed: true when a time-out's fallback decided, not a report.
  bool by_timeout = false;
  // kTimedOut and `by_timeout`: the time-out.
  absl::Duration timeout;
  // The server's time of the end; InfinitePast when unknown.
  absl::Time time = absl::InfinitePast();
  // The run that was under way, 0 for none.
  uint64_t run = 0;
  // Why, where the end does not say it: "CLIENT_LOST" (kFailed), "REPLACED" (kCancelled).
  std::string reason;
  // kRefused, kDetached: why.
  absl::Status status;
};

// The value of a success, or a status that EndOf(), WasTimedOut() and WasCancelled() understand:
//   FIRED, COMPLETED, STOPPED  OK, the payload
//   FAILED                     what the failure was encoded from, code and message; kAborted when
//                              the client was lost
//   TIMED_OUT                  kDeadlineExceeded
//   CANCELLED                  kCancelled
//   refused, detached          the status that says why
// ReasonOf() gives the ending's reason.
absl::StatusOr<std::string> ToStatusOr(const Ending& ending);

// The end that a status from ToStatusOr() stands for; nullopt for any other status. A function that
// itself failed with kDeadlineExceeded gives kFailed, so it is never taken for a time-out.
std::optional<End> EndOf(const absl::Status& status);
bool WasTimedOut(const absl::Status& status);
bool WasCancelled(const absl::Status& status);

// A failure travels as UTF-8 text that every language can read and write: "CODE: message", with
// CODE the name of a canonical status code, as in "NOT_FOUND: no such user". Text of another form
// is a failure of code kUnknown with the text as its message. `failure` must not be OK.
std::string EncodeFailure(const absl::Status& failure);
absl::Status DecodeFailure(const std::string& payload);

}  // namespace client
}  // namespace timerd
