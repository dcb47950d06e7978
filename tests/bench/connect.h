// Connections of load generators.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

namespace timerd::bench {

// A connection of its own, also when there is one to the same target already. Takes answers of any
// size.
std::shared_ptr<grpc::Channel> Connect(const std::string& target);

}  // namespace timerd::bench
