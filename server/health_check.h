// The server as its own health probe, for containers that have no other tools.
#pragma once

#include <string>

namespace timerd {

// Asks grpc.health.v1.Health at `address`, prints the answer, and returns 0 if it is SERVING within
// two seconds, 1 otherwise.
int CheckHealth(const std::string& address);

}  // namespace timerd
