// From gRPC's status to ours.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "grpcpp/support/status.h"
#include "timerd/v1/errors.pb.h"

namespace timerd {
inline namespace client {

// Keeps code and message, and what the status details have for ReasonOf() and RetryDelayOf().
absl::Status FromGrpc(const grpc::Status& status);

// The same for an answer within a batch, which has the status details as a message.
absl::Status FromDetails(const v1::StatusDetails& details);
// As if the call had been made by itself: without the "items[7]" that says which one it was.
absl::Status OfItem(const absl::Status& status);

// Adds what ReasonOf() and, for ALREADY_CALLED, DetailOf(status, "end") give.
absl::Status WithReason(absl::Status status, const std::string& reason,
                        const std::string& end = "");

// A refusal that the client decides by itself, as the server would word it. `end` goes with
// ALREADY_CALLED.
absl::Status Refusal(const std::string& reason, const std::string& message,
                     const std::string& end = "");

// True for a code that says nothing about the request: whoever sends it again may get an answer.
bool IsTransient(absl::StatusCode code);

// True for the refusal of a report that will be refused however often it is sent, so that the run
// would never end: too large a payload above all. (A limit on rates passes.)
bool IsHopeless(const absl::Status& status);

// What everything unfinished ends with when the client is closed.
absl::Status ClosedStatus();

}  // namespace client
}  // namespace timerd
