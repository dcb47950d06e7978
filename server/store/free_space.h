// How much room a disk has.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace timerd::store {

// Of a file system, in bytes.
struct FreeSpace {
  uint64_t free = 0;  // for processes without privileges
  uint64_t size = 0;
};

// Of the one that `path` lies on. An error is the operating system's, such as NotFound.
absl::StatusOr<FreeSpace> ReadFreeSpace(const std::string& path);

}  // namespace timerd::store
