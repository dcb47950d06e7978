// The machine-readable part of an error that the server sent.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace timerd {
inline namespace client {

// Why the server refused a call: "ALREADY_CALLED", "ALREADY_CANCELLED", "UNKNOWN_ID" and the others
// that proto/timerd/v1/timers.proto lists. Empty for a status that came from elsewhere. A refusal
// that the client decides by itself, because it knows the answer, carries the same reasons.
std::string ReasonOf(const absl::Status& status);

// A fact that goes with the reason: `key` is "field" for INVALID_FIELD, "limit" for LIMIT_EXCEEDED,
// "end" for ALREADY_CALLED. Empty when there is none.
std::string DetailOf(const absl::Status& status, const std::string& key);

}  // namespace client
}  // namespace timerd
