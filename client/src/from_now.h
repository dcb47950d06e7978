// A duration that is counted from when it was first asked for, however many tries it takes.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "absl/time/time.h"

namespace timerd {
inline namespace client {

class FromNow {
 public:
  explicit FromNow(absl::Duration duration) : duration_(duration) {}

  // What is left of it; the first time all of it, to the nanosecond, as under a manual clock real
  // time does not count. Negative stays as it is, for the server to refuse.
  absl::Duration Left() {
    const auto now = std::chrono::steady_clock::now();
    if (!first_.has_value()) {
      first_ = now;
    }
    return duration_ <= absl::ZeroDuration()
               ? duration_
               : std::max(absl::ZeroDuration(), duration_ - absl::FromChrono(now - *first_));
  }

 private:
  absl::Duration duration_;
  std::optional<std::chrono::steady_clock::time_point> first_;
};

}  // namespace client
}  // namespace timerd
