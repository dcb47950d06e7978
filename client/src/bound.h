// Bounds a handle that exists, without following it.
#pragma once

#include <memory>

#include "client/src/connection.h"

namespace timerd {
inline namespace client {

// Sends `request`, which must be detached and name a target, until it is acknowledged or refused,
// then sets `armed`. An acknowledgement that got lost leads to a second time-out, due after the
// first one and therefore without effect.
void Bound(std::shared_ptr<Connection> connection, v1::WithTimeoutRequest request,
           Promise<absl::Status> armed);

}  // namespace client
}  // namespace timerd
