// What to tell the user about a call that did not succeed.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"
#include "timerd/v1/errors.pb.h"

namespace timerd::cli {

// The reason of timers.proto, such as "UNKNOWN_ID", from the trailer grpc-status-details-bin; empty
// for a status that no timerd server made.
std::string ReasonOf(const grpc::Status& status);

// The flag of the server whose limit was reached, such as "max-payload-bytes"; empty for none.
std::string LimitOf(const grpc::Status& status);

// The status that a call by itself would have ended with.
grpc::Status ToStatus(const v1::StatusDetails& details);

// "NOT_FOUND (UNKNOWN_ID): no timer "x"", and when to try again where the server says it.
std::string Described(const grpc::Status& status);

// What was tried, for the explanation.
struct Attempt {
  absl::string_view server;  // HOST:PORT
  absl::Duration timeout;    // How long an answer was waited for.
  bool answered = false;     // Whether the server had sent anything.
};

// As Described(), or what to do when nobody answers.
std::string Explain(const grpc::Status& status, const Attempt& attempt);

}  // namespace timerd::cli
