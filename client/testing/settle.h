// When a client has done all that it has to do at a moment of virtual time.
#pragma once

#include <memory>
#include <vector>

#include "client/src/connection.h"

namespace timerd {
inline namespace client {

// Waits until nothing is under way in the clients and all that the server has decided so far has
// been taken in; see TestNamespace for what that is. Refuses on a callback thread; past `until`
// kDeadlineExceeded, which says what is not done.
absl::Status Settle(const std::vector<std::shared_ptr<Connection>>& connections, absl::Time until);

}  // namespace client
}  // namespace timerd
