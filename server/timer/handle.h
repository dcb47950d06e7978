// What a timer, a loop or a task is: plain data, owned by whoever holds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "server/base/boxed.h"
#include "server/base/due_key.h"
#include "server/base/instant.h"
#include "server/base/sparse.h"
#include "server/timer/delivery.h"
#include "server/timer/loop_policy.h"

namespace timerd::timer {

enum class Kind : uint8_t { kTimer, kLoop, kTask };

enum class Phase : uint8_t {
  kPending,   // waiting for its deadline
  kRunning,   // told to run, report awaited
  kStopping,  // a running loop whose report will end it
  kEnded,
  kPaused,  // a loop between two runs, without a next deadline
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

// Why a handle ended, where the type of its end does not say it.
enum class EndReason : uint8_t {
  kNone,
  kClientLost,   // FAILED
  kReplaced,     // CANCELLED
  kLeaseLapsed,  // FAILED
  kPurged,       // CANCELLED
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
  uint64_t count = 0;               // TICK: intervals since the last TICK; 0 when triggered
  bool triggered = false;           // TICK: made by hand
  std::optional<Span> timeout;      // ends by a time-out
  bool by_timeout = false;          // COMPLETED, FAILED: a fallback decided
  EndReason reason = EndReason::kNone;
  std::optional<int64_t> wall_deadline;  // `deadline` on the wall clock, where it stood there
  std::string payload;                   // of the outcome; FIRED and TICK carry the spec's instead
  uint32_t attempts = 0;                 // ends of a run that a queue delivered
  friend bool operator==(const Event&, const Event&) = default;
};

// An upper bound on a handle's life.
struct Timeout {
  Deadline due;
  Span span{};
  Boxed<Outcome> fallback;
  bool own = false;  // the one that a task was made with
  std::string key;   // the idempotency key of the request that put it there
  // What is written down, while it is later than `due`: heartbeats that stay below it need no
  // write. After a crash the time-out acts then, so never earlier than it would have.
  std::optional<Deadline> reserved;
};

// What the client asked for; never changes.
struct Spec {
  Kind kind = Kind::kTimer;
  bool reported = false;      // always true for tasks
  Span span{};                // delay, interval or time-out
  std::optional<int64_t> at;  // an absolute deadline, Unix time in ns; span is then 0
  bool start_now = false;     // loops
  std::string payload;
  Boxed<Outcome> fallback;          // tasks
  Sparse<LoopPolicy> loop;          // loops
  Span client_lost_after{};         // how long a run waits while nobody follows; 0: for ever
  std::string idempotency_key;      // names the request; no part of the contents
  std::string queue;                // delivers the runs; empty: streams do
  Sparse<DeliveryPolicy> delivery;  // with a queue
};

// Where a loop stands. The instants are on the wall clock for cron, on the service timeline
// otherwise.
struct LoopState {
  Instant origin;         // boundaries are origin + k * interval
  Instant boundary;       // what the deadline stands for: earlier than it by the jitter
  Instant previous_tick;  // counts are taken from here
  Span interval{};
  bool paused = false;        // when pending the phase is kPaused
  uint64_t missed_ticks = 0;  // in all
  friend bool operator==(const LoopState&, const LoopState&) = default;
};

// One handle: what was asked for, and where it stands. machine.h moves it.
struct Handle {
  std::string key;  // namespace and id, see handle_key.h
  Spec spec;
  uint64_t generation = 1;  // one more than that of the handle it replaced
  // What the first acknowledgement said, so that a repeated request is answered alike.
  Instant created;
  std::optional<Instant> first_deadline;

  Phase phase = Phase::kPending;
  std::optional<Deadline> due;        // its own deadline, while pending
  std::vector<Timeout> timeouts;      // see SortTimeouts(); empty once ended
  Boxed<Deadline> lost;               // when the client of a run counts as lost
  Delivery delivery;                  // with a queue
  std::optional<Deadline> retention;  // when an ended handle is forgotten; fires nothing
  uint64_t run = 0;                   // the last one begun
  uint64_t sequence = 0;              // of the last event

  Sparse<LoopState> loop;

  uint64_t reported_run = 0;  // the last one reported, and how
  bool reported_success = false;

  // Retained events. A plain timer's FIRED is its end and stands in `end` only.
  Boxed<Event> last_firing;
  Boxed<Event> end;
};

// The next deadline that will act on `handle`, on the service timeline: its own unless it waits in
// its queue, a time-out's, the end of a lease, the next attempt's or that of a lost client.
std::optional<DueKey> NextDue(const Handle& handle, Span wall_ahead);

// All its deadlines as they are written down, in no particular order.
using IndexKeys = absl::InlinedVector<IndexKey, 1>;  // most have one
IndexKeys AllDue(const Handle& handle);

// Puts the time-outs into the order in which they will act, as the wall clock goes now.
void SortTimeouts(Handle& handle, Span wall_ahead);

// True while a time-out is written down as later than it is.
bool HasReservation(const Handle& handle);

// True once an ended handle's retention time is over: it counts as unknown.
bool IsForgotten(const Handle& handle, Instant now);

// The retained events with a sequence number above `after`, in order.
std::vector<Event> RetainedAfter(const Handle& handle, uint64_t after);

// `timer "invoice-42"`, for messages.
std::string Describe(const Handle& handle);

// "TIMED_OUT" and so on.
absl::string_view EventTypeName(EventType type);
// "CLIENT_LOST", "REPLACED", or nothing.
absl::string_view EndReasonName(EndReason reason);

}  // namespace timerd::timer
