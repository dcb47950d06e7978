// The state machines of timers, loops and tasks: what each command and each deadline does to a
// handle. Functions of (handle, command, time) alone: no threads, no disk, no clock of their own.
//
// Each either refuses, leaving the handle untouched, or moves it and appends the events that this
// makes to Context::events. docs/guarantees.md states the rules in words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/timer/handle.h"

namespace timerd::timer {

struct Limits {
  // The farthest that a deadline may lie ahead. At most 100 years, so that no sum overflows.
  Span max_delay = std::chrono::hours(24 * 365 * 100);
  // Time-outs that one handle may have at once.
  size_t max_timeouts = 16;
  // How long ended handles are kept.
  Span retention = std::chrono::hours(24);
};

struct Context {
  Instant now;
  const Limits& limits;
  // The place that the next deadline gets; shared by all handles of a shard.
  uint64_t& next_place;
  // Where the events of this step are appended.
  std::vector<Event>& events;
};

// The handle that `spec` asks for. `unix_now_ns` is the wall clock's time, for Spec::at. The spec has
// been validated. Never refuses; a loop that starts now makes its first TICK here.
Handle Create(std::string id, Spec spec, int64_t unix_now_ns, Context& context);

// The name of the first field in which the request differs from what `handle` was made with; nothing
// when it is the same request again.
std::optional<std::string> FindDifference(const Handle& handle, const Spec& spec);

absl::Status Cancel(Handle& handle, Context& context);

// Returns kEnded or kStopping.
absl::StatusOr<Phase> Stop(Handle& handle, Context& context);

struct ReportResult {
  bool accepted = false;
  std::optional<EventType> end;
  std::optional<Instant> next_deadline;
};
absl::StatusOr<ReportResult> Report(Handle& handle, uint64_t run, const Outcome& outcome,
                                    Context& context);

// Ways to move a deadline.
struct FromNow {
  Span delay;  // not negative
};
struct DelayBy {
  Span delay;
};
struct MoveTo {
  int64_t unix_ns;      // the new deadline on the wall clock
  int64_t unix_now_ns;  // the wall clock's time at Context::now
};
using Move = std::variant<FromNow, DelayBy, MoveTo>;

struct MoveResult {
  Instant old_deadline;
  Instant deadline;
};
absl::StatusOr<MoveResult> Reschedule(Handle& handle, const Move& move, Context& context);

// Bounds a handle that exists. Returns the time-out's deadline; nothing when the handle had ended.
absl::StatusOr<std::optional<Instant>> Bound(Handle& handle, Span timeout,
                                             std::optional<Outcome> fallback, Context& context);

enum class Fired {
  kEvent,   // an event was made
  kForget,  // the retention time is over: erase the handle
};
// The deadline NextDue(handle) acts. REQUIRES: it is due.
Fired Fire(Handle& handle, Context& context);

}  // namespace timerd::timer
