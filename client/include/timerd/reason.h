// The machine-readable part of an error that the server sent.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace timerd {
inline namespace client {

// Why the server refused a call: "ALREADY_CALLED", "ALREADY_CANCELLED", "UNKNOWN_ID" and the others
// that proto/timerd/v1/timers.proto lists. Empty for a status that came from elsewhere. A refusal
// that the client decides by itself, because it knows the answer, carries the same reasons.
std::string ReasonOf(const absl::Status& status);

// When to ask again, as the server says it of a limit that there will be room under: for one on a
// rate to the nanosecond, for others roughly. Nothing where waiting is of no use, or for a status
// from elsewhere. Of many who wait equally long one may get the room, so wait longer each time.
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

// A fact that goes with the reason: `key` is "field" for INVALID_FIELD, "limit" for LIMIT_EXCEEDED,
// "end" for ALREADY_CALLED. Empty when there is none.
std::string DetailOf(const absl::Status& status, const std::string& key);

}  // namespace client
}  // namespace timerd
