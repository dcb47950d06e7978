// What is made in a directory is to survive power loss as the writes below it do.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace timerd::store {

// Returns when the entries of the directory `path` are on disk. An error is the operating system's.
absl::Status SyncDirectory(const std::string& path);

}  // namespace timerd::store
