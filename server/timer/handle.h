// What a timer, a loop or a task is: plain data, owned by whoever holds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/due_key.h"
#include "server/base/instant.h"

namespace timerd::timer {

enum class Kind : uint8_t { kTimer, kLoop, kTask };

enum class Phase : uint8_t {
  kPending,   // waiting for its deadline
  kRunning,   // told to run, report awaited
  kStopping,  // a running loop whose report will end it
  kEnded,
};

enum class EventType : uint8_t {
  kFired,
  kTick,
  kTimedOut,
  kCompleted,
  kStopped,
  kFailed,
  kCancelled,
};

// A success or a failure, with bytes that nobody here looks into.
struct Outcome {
  bool success = false;
  std::string payload;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Something that happened to a handle.
struct Event {
  EventType type = EventType::kFired;
  uint64_t sequence = 0;  // 1, 2, 3, ... within the handle
  Instant time;
  std::optional<Instant> deadline;  // the one that fired
  uint64_t run = 0;                 // the run begun or under way; 0 for none
  uint64_t count = 0;               // TICK: intervals since the last TICK
  std::optional<Span> timeout;      // ends by a time-out
  bool by_timeout = false;          // COMPLETED, FAILED: a fallback decided
  std::string payload;              // of the outcome; FIRED and TICK carry the spec's instead
  friend bool operator==(const Event&, const Event&) = default;
};

// An upper bound on a handle's life.
struct Timeout {
  Deadline due;
  Span span;
  std::optional<Outcome> fallback;
  bool own = false;  // the one that a task was made with
};

// What the client asked for; never changes.
struct Spec {
  Kind kind = Kind::kTimer;
  bool reported = false;      // always true for loops and tasks
  Span span{};                // delay, interval or time-out
  std::optional<int64_t> at;  // an absolute deadline, Unix time in ns; span is then 0
  bool start_now = false;     // loops
  std::string payload;
  std::optional<Outcome> fallback;  // tasks
  friend bool operator==(const Spec&, const Spec&) = default;
};

// One handle: what was asked for, and where it stands. machine.h moves it.
struct Handle {
  std::string id;
  Spec spec;
  // What the first acknowledgement said, so that a repeated request is answered alike.
  Instant created;
  std::optional<Instant> first_deadline;

  Phase phase = Phase::kPending;
  std::optional<Deadline> due;        // its own deadline, while pending
  std::vector<Timeout> timeouts;      // in the order in which they act; empty once ended
  std::optional<Deadline> retention;  // when an ended handle is forgotten
  uint64_t run = 0;                   // the last one begun
  uint64_t sequence = 0;              // of the last event

  // Loops.
  Instant origin;         // boundaries are origin + k * interval
  Instant previous_tick;  // counts are taken from here
  Span interval{};

  uint64_t reported_run = 0;  // the last one reported, and how
  bool reported_success = false;

  // Retained events. A plain timer's FIRED is its end and stands in `end` only.
  std::optional<Event> last_firing;
  std::optional<Event> end;
};

// The next deadline that will act on `handle`: its own, a time-out's or the end of its retention.
std::optional<DueKey> NextDue(const Handle& handle);

// All its deadlines, in no particular order.
std::vector<DueKey> AllDue(const Handle& handle);

// The retained events with a sequence number above `after`, in order.
std::vector<Event> RetainedAfter(const Handle& handle, uint64_t after);

// `timer "billing/42"`, for messages.
std::string Describe(const Handle& handle);

// "TIMED_OUT" and so on.
absl::string_view EventTypeName(EventType type);

}  // namespace timerd::timer
