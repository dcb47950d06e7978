// Time as numbers: points on the service timeline and the spans between them.
//
// Service time is the one clock that deadlines stand on. It starts as Unix time when a data
// directory is made and runs on monotonically from then on, across restarts; server/clock reads it.
// Both types are 8 bytes of nanoseconds: integers, so nothing accumulates.
#pragma once

#include <chrono>
#include <cstdint>

namespace timerd {

using Span = std::chrono::nanoseconds;

struct ServiceTimeline {
  using duration = Span;
  using rep = Span::rep;
  using period = Span::period;
  using time_point = std::chrono::time_point<ServiceTimeline>;
  static constexpr bool is_steady = true;
};

using Instant = ServiceTimeline::time_point;

constexpr Instant InstantFromNanos(int64_t ns) { return Instant(Span(ns)); }
constexpr int64_t ToNanos(Instant instant) { return instant.time_since_epoch().count(); }

}  // namespace timerd
