// What tells one data directory from another.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/store/ordered_kv.h"

namespace timerd::store {

// The number that `kv` was given when it was first asked: random, and the same from then on.
absl::StatusOr<uint64_t> Identity(OrderedKv& kv);

}  // namespace timerd::store
