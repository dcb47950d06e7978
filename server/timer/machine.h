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
  // How far the wall clock is ahead of `now`, in whole ticks.
  Span wall_ahead;
  const Limits& limits;
  // The place that the next deadline gets; shared by all handles of a shard.
  uint64_t& next_place;
  // Where the events of this step are appended.
  std::vector<Event>& events;
  // Whether a stream follows the handle.
  bool followed = false;
  // Since when a stream could follow it.
  Instant serving_since;
  // Set by a step that moves a deadline no further than what is written down already covers: it
  // need not be written (Timeout::reserved).
  bool covered = false;
  // What holds for handles that bring no policy for their deliveries: their queue's, complete.
  DeliveryPolicy queue_policy = kDefaultDelivery;

  Instant wall() const { return now + wall_ahead; }
};

// Whether a handle can be made of `spec` at all. Its fields have been validated one by one.
absl::Status CheckCreatable(const Spec& spec, const Context& context);

// The handle that `spec` asks for. REQUIRES: CheckCreatable(). A loop that starts now makes its
// first TICK here. `replaced` is the ended handle of the same key whose place it takes, if any.
Handle Create(std::string key, Spec spec, const Handle* replaced, Context& context);

// The name of the first field in which the request differs from what `handle` was made with;
// nothing when it is the same request again.
std::optional<std::string> FindDifference(const Handle& handle, const Spec& spec);

absl::Status Cancel(Handle& handle, Context& context);

// Ends `handle`, unless it has ended, because a new one takes its place.
void EndReplaced(Handle& handle, Context& context);

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
  int64_t unix_ns;  // the new deadline on the wall clock
};
using Move = std::variant<FromNow, DelayBy, MoveTo>;

struct MoveResult {
  Instant old_deadline;
  Instant deadline;
};
absl::StatusOr<MoveResult> Reschedule(Handle& handle, const Move& move, Context& context);

// Bounds a handle that exists. Returns the time-out's deadline; nothing when the handle had ended.
// A time-out that the same non-empty `key` put there is not put there again.
absl::StatusOr<std::optional<Instant>> Bound(Handle& handle, Span timeout, Boxed<Outcome> fallback,
                                             const std::string& key, Context& context);

// No stream follows the handle any more: from now on counts the time after which its client is
// lost. Returns false when that changes nothing.
bool Unfollow(Handle& handle, Context& context);

enum class Fired {
  kEvent,   // an event was made
  kMoved,   // the deadline was moved, and no event was made
  kQueued,  // the handle waits in its queue, see delivery.h
};
// The deadline NextDue(handle) acts. REQUIRES: it is due.
Fired Fire(Handle& handle, Context& context);

// ---- Loops. Each refuses handles of another kind. ----------------------------------------------

// Returns kEnded or kStopping.
absl::StatusOr<Phase> Stop(Handle& handle, Context& context);
absl::Status Pause(Handle& handle, Context& context);
absl::Status Resume(Handle& handle, Context& context);
absl::Status Reset(Handle& handle, Context& context);
absl::Status ChangeInterval(Handle& handle, Span interval, Context& context);
absl::Status Trigger(Handle& handle, Context& context);

// The next deadlines of a loop, at most `limit`, if each run were over at once. On the service
// timeline.
std::vector<Instant> Upcoming(const Handle& handle, size_t limit, Instant now, Span wall_ahead);

}  // namespace timerd::timer
