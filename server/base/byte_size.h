// Numbers of bytes as people write and read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace timerd {

// "1048576", "64MiB", "1.5 GiB" (powers of 1024), "20GB" (of 1000); nothing for what is no size,
// and for 2^63 bytes or more. Upper and lower case are alike; part of a byte is dropped.
std::optional<uint64_t> ParseByteSize(absl::string_view text);

// "12.6GiB", "64MiB", "300B": to one decimal, rounded down.
std::string FormatByteSize(uint64_t bytes);

}  // namespace timerd
