// Frames on their way from the shard that makes them to its log and its state.
#pragma once

#include <memory>

#include "timerd/storage/v1/storage.pb.h"

namespace timerd::store {

using Frame = storage::v1::Frame;

// An empty frame whose parts lie side by side in an arena: they are made on one thread and freed,
// at once, on another, and one by one that would be most of the work.
std::shared_ptr<Frame> NewFrame();

}  // namespace timerd::store
