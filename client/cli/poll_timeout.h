// How long poll() shall wait.
#pragma once

#include <algorithm>
#include <chrono>

namespace timerd::cli {

// Milliseconds until `until`, rounded up so that nobody spins before it.
inline int PollTimeout(std::chrono::steady_clock::time_point until) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp(left, milliseconds(0), milliseconds(1'000'000'000)).count());
}

}  // namespace timerd::cli
