// Service time: the one clock that deadlines stand on. Only this floor reads or waits for real time.
#pragma once

#include <chrono>
#include <cstdint>

#include "server/base/instant.h"

namespace timerd::clock {

// Both clocks at one moment.
struct Reading {
  Instant now;      // service time: monotonic
  int64_t unix_ns;  // the wall clock: may jump
};

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Reading Read() const = 0;
};

// Where the service timeline stands after a stop: `last` is the last reading that was written down.
// The wall clock measures the gap, the only thing that it is used for; a wall clock that went back
// meanwhile gives a gap of 0. A new timeline (nothing written) begins at Unix time.
Instant ResumeTimeline(const Reading* last, int64_t unix_now_ns);

// The machine's clocks: service time runs with CLOCK_MONOTONIC from `start`.
class RealClock : public Clock {
 public:
  explicit RealClock(Instant start)
      : start_(start), steady_start_(std::chrono::steady_clock::now()) {}

  Reading Read() const override;
  // When `instant` is on the steady clock, for waiting.
  std::chrono::steady_clock::time_point ToSteady(Instant instant) const {
    return steady_start_ + (instant - start_);
  }

  static int64_t UnixNow();

 private:
  const Instant start_;
  const std::chrono::steady_clock::time_point steady_start_;
};

}  // namespace timerd::clock
