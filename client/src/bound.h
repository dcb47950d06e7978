// Bounds a handle that exists, without following it.
#pragma once

#include <memory>

#include "client/src/connection.h"

namespace timerd {
inline namespace client {

// Sends `request`, which must be detached, name a target and carry an idempotency key, until it is
// acknowledged or refused, then sets `armed`. By its key it arms one time-out, however often it
// arrives.
void Bound(std::shared_ptr<Connection> connection, v1::WithTimeoutRequest request,
           Promise<absl::Status> armed);

}  // namespace client
}  // namespace timerd
