// How many rows a page of a listing has.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/service/refusals.h"

namespace timerd::service {

inline constexpr size_t kDefaultPageSize = 100;
inline constexpr size_t kMaxPageSize = 1000;

// INVALID_ARGUMENT when `page_size` is negative.
inline absl::StatusOr<size_t> ToPageSize(absl::string_view call, int32_t page_size) {
  if (page_size < 0) {
    return BadField("page_size", call, ": page_size ", page_size, " is negative; use 1 to ",
                    kMaxPageSize, ", or 0 for ", kDefaultPageSize);
  }
  return page_size == 0 ? kDefaultPageSize : std::min(static_cast<size_t>(page_size), kMaxPageSize);
}

}  // namespace timerd::service
