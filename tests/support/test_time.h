// Short ways to say instants in tests: seconds and milliseconds after the start of an example.
#pragma once

#include <cmath>

#include "server/base/instant.h"

namespace timerd::testing {

// Where examples begin: a whole second, so that ticks and exact times are easy to tell apart.
inline constexpr Instant kStart = InstantFromNanos(1'700'000'000'000'000'000);

inline Span Seconds(double seconds) {
  return Span(static_cast<int64_t>(std::llround(seconds * 1e9)));
}

// `seconds` after the start.
inline Instant At(double seconds) { return kStart + Seconds(seconds); }

}  // namespace timerd::testing
