// Deadlines and the order in which they act.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

#include "server/base/instant.h"

namespace timerd {

inline constexpr Span kTickDuration = std::chrono::milliseconds(1);

// The tick at which `instant` is due: rounded up, so never early. Instants before 1970 count as 1970.
constexpr uint64_t TickOf(Instant instant) {
  const int64_t ns = ToNanos(instant);
  return ns <= 0 ? 0 : static_cast<uint64_t>((ns - 1) / kTickDuration.count() + 1);
}

// The last tick that has been reached at `now`: rounded down.
constexpr uint64_t TickReached(Instant now) {
  const int64_t ns = ToNanos(now);
  return ns <= 0 ? 0 : static_cast<uint64_t>(ns / kTickDuration.count());
}

// When `tick` begins.
constexpr Instant TickStart(uint64_t tick) {
  return InstantFromNanos(static_cast<int64_t>(tick) * kTickDuration.count());
}

// Where a deadline stands in the order of a shard: by tick, then by place. The deadline here is
// rounded up to its tick: two deadlines within one tick are equal, and what decides between them is
// the place, given when a deadline is set. The one set first acts first.
struct DueKey {
  Instant deadline;
  uint64_t place = 0;

  friend constexpr auto operator<=>(const DueKey&, const DueKey&) = default;
};

inline constexpr uint64_t kLastPlace = std::numeric_limits<uint64_t>::max();

// A deadline as it was set, to the nanosecond.
struct Deadline {
  Instant at;
  uint64_t place = 0;

  constexpr DueKey key() const { return {TickStart(TickOf(at)), place}; }
  friend constexpr bool operator==(const Deadline&, const Deadline&) = default;
};

}  // namespace timerd
