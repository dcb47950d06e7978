// The one mapping from absl::Status to gRPC.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "timerd/v1/errors.pb.h"

namespace timerd::service {

// Same code and message, cut when it would not fit into the trailers; the reason of a refusal
// travels in the status details as timerd.v1.ErrorInfo, and when to ask again as RetryInfo
// (proto/timerd/v1/errors.proto).
grpc::Status ToGrpc(const absl::Status& status);

// The same as a message, for answers that carry errors of their own. REQUIRES: not OK.
v1::StatusDetails ToDetails(const absl::Status& status);

}  // namespace timerd::service
