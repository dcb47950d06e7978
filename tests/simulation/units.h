// Spans in nanoseconds.
#pragma once

#include <cstdint>

namespace timerd::simulation {

inline constexpr int64_t kMilli = 1'000'000;
inline constexpr int64_t kSecond = 1'000 * kMilli;
inline constexpr int64_t kHour = 3'600 * kSecond;

}  // namespace timerd::simulation
