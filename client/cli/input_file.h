// A file that a flag or an operand names, read whole.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace timerd::cli {

// The bytes of the file `name`, or of standard input when it is "-". InvalidArgument when it cannot
// be read, OutOfRange when it holds more than `limit` bytes; the messages name the rule and, the
// first one, the way out.
absl::StatusOr<std::string> ReadInputFile(const std::string& name, size_t limit);

}  // namespace timerd::cli
