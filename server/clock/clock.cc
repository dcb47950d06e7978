#include "server/clock/clock.h"

#include <algorithm>

namespace timerd::clock {

Instant ResumeTimeline(const Reading* last, int64_t unix_now_ns) {
  if (last == nullptr) {
    return InstantFromNanos(unix_now_ns);
  }
  return last->now + Span(std::max<int64_t>(0, unix_now_ns - last->unix_ns));
}

Reading RealClock::Read() const {
  return {start_ + (std::chrono::steady_clock::now() - steady_start_), UnixNow()};
}

int64_t RealClock::UnixNow() {
  return std::chrono::duration_cast<Span>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace timerd::clock
