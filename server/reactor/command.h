// What a shard can be asked to do, and what it answers.
//
// Each reply is called exactly once, on the shard's thread, when everything that the answer rests on
// is durable; replies and events leave a shard in the order in which it decided them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/timer/handle.h"
#include "server/timer/machine.h"

namespace timerd::reactor {

template <typename T>
using Reply = absl::AnyInvocable<void(absl::StatusOr<T>)>;

// An event with what a client is told beside it.
struct Notice {
  std::string id;
  timer::Kind kind = timer::Kind::kTimer;
  timer::Event event;  // FIRED and TICK carry the spec's payload here
  bool redelivery = false;
  bool end = false;  // the handle's last event
};

// The beginning of a stream: what is retained, after which the events follow as they come.
struct Opened {
  std::string id;
  Instant now;
  std::optional<Instant> deadline;
  bool existed = false;
  std::vector<Notice> retained;
  bool ended = false;  // nothing follows
};

// Makes the handle, or finds the one that the same request made before.
struct Create {
  std::string id;
  timer::Spec spec;
  Reply<Opened> reply;
};

// Puts a time-out on a handle that exists.
struct Bound {
  std::string id;
  Span timeout;
  std::optional<timer::Outcome> fallback;
  Reply<Opened> reply;
};

struct Watch {
  std::string id;
  uint64_t after = 0;
  Reply<Opened> reply;
};

struct Cancelled {
  Instant now;
};
struct Cancel {
  std::string id;
  Reply<Cancelled> reply;
};

struct Stopped {
  Instant now;
  timer::Phase phase;
};
struct StopLoop {
  std::string id;
  Reply<Stopped> reply;
};

struct Reported {
  Instant now;
  timer::ReportResult result;
};
struct Report {
  std::string id;
  uint64_t run = 0;
  timer::Outcome outcome;
  Reply<Reported> reply;
};

// How far to move; absolute times are Unix time in ns.
struct MoveTo {
  int64_t unix_ns;
};
struct Moved {
  Instant now;
  timer::MoveResult result;
};
struct Reschedule {
  std::string id;
  std::variant<timer::FromNow, timer::DelayBy, MoveTo> move;
  Reply<Moved> reply;
};

struct Got {
  Instant now;
  timer::Handle handle;
};
struct Get {
  std::string id;
  Reply<Got> reply;
};

// Where a page of a listing begins: after this deadline (pending handles) or this id (all others).
struct ListCursor {
  std::optional<DueKey> due;
  std::string id;
};
struct ListFilter {
  std::optional<timer::Phase> phase;
  std::optional<timer::Kind> kind;
  std::string prefix;
};
struct Listed {
  struct Row {
    DueKey due;  // its place in the order, when pending handles are listed
    timer::Handle handle;
  };
  Instant now;
  std::vector<Row> rows;
  // Where the next page of this shard begins; nothing when the shard has no more.
  std::optional<ListCursor> next;
};
struct List {
  ListFilter filter;
  ListCursor after;
  size_t max_rows = 0;
  Reply<Listed> reply;
};

// Runs on the shard's thread, in its turn among the commands.
struct Run {
  absl::AnyInvocable<void()> function;
};

using Command =
    std::variant<Create, Bound, Watch, Cancel, StopLoop, Report, Reschedule, Get, List, Run>;

}  // namespace timerd::reactor
