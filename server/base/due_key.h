// Deadlines and the order in which they act.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <limits>

#include "server/base/instant.h"

namespace timerd {

inline constexpr Span kTickDuration = std::chrono::milliseconds(1);

// The tick at which `instant` is due: rounded up, so never early. Instants before 1970 count as
// 1970.
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

// Which clock a deadline stands on.
enum class Timeline : uint8_t {
  kService,    // durations: monotonic, see instant.h
  kWall,       // absolute times and cron: Unix time, follows the wall clock
  kRetention,  // service time too, but fires nothing: when an ended handle is forgotten
  kQueue,      // service time; due, and waits in its queue until a worker takes it
};
// Those whose deadlines fire.
inline constexpr std::array kFiringTimelines = {Timeline::kService, Timeline::kWall};

// How far the wall clock is ahead of service time, in whole ticks: rounded down, so that a deadline
// of the wall clock is never early, and comes back as it was asked for where the two clocks agree
// but for the moment between two readings.
constexpr Span WallAhead(Instant now, int64_t unix_now_ns) {
  const Span ahead = Span(unix_now_ns - ToNanos(now));
  const Span tick = kTickDuration;
  return ahead - (ahead % tick + tick) % tick;
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

// A deadline's place in an index of deadlines: on its own timeline.
struct IndexKey {
  Timeline timeline = Timeline::kService;
  DueKey due;

  friend constexpr bool operator==(const IndexKey&, const IndexKey&) = default;
};

// A deadline as it was set, to the nanosecond.
struct Deadline {
  Instant at;  // on `timeline`; Unix time for kWall
  // Places are counted from 0 on and never reach 2^62: together with the timeline, one word.
  uint64_t place : 62 = 0;
  Timeline timeline : 2 = Timeline::kService;

  constexpr Deadline() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a point in time is a deadline.
  constexpr Deadline(Instant when, uint64_t in_place = 0, Timeline on = Timeline::kService)
      : at(when), place(in_place), timeline(on) {}

  constexpr IndexKey index_key() const { return {timeline, {TickStart(TickOf(at)), place}}; }
  // On the service timeline, while the wall clock is `wall_ahead` ahead of it.
  constexpr Instant ServiceTime(Span wall_ahead) const {
    return timeline == Timeline::kWall ? at - wall_ahead : at;
  }
  constexpr DueKey key(Span wall_ahead = {}) const {
    return {TickStart(TickOf(ServiceTime(wall_ahead))), place};
  }
  friend constexpr bool operator==(const Deadline&, const Deadline&) = default;
};

}  // namespace timerd
