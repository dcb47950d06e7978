// What a shard can be asked to do, and what it answers.
//
// Each reply is called exactly once, on the shard's thread, when everything that the answer rests
// on is durable; replies and events leave a shard in the order in which it decided them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/clock/clock.h"
#include "server/timer/delivery.h"
#include "server/timer/handle.h"
#include "server/timer/machine.h"
#include "timerd/storage/v1/storage.pb.h"

namespace timerd::reactor {

template <typename T>
using Reply = absl::AnyInvocable<void(absl::StatusOr<T>)>;

// Where an event stands in the feed of its namespace, of its shard: 1, 2, 3, ...
struct FeedPlace {
  uint64_t sequence = 0;  // 0: not known
  // The last place that no crash can take back, as far as was known when the event was made: its
  // own unless it may be told before it is durable.
  uint64_t durable = 0;
};

// An event with what a client is told beside it.
struct Notice {
  std::string key;  // of the handle: namespace and id
  timer::Kind kind = timer::Kind::kTimer;
  uint64_t generation = 1;
  std::string queue;   // that delivers its runs; empty: none
  timer::Event event;  // FIRED and TICK carry the spec's payload here
  bool redelivery = false;
  bool end = false;  // the handle's last event
  FeedPlace feed;
};

// The beginning of a stream: what is retained, after which the events follow as they come.
struct Opened {
  std::string key;
  uint64_t generation = 1;
  Instant now;
  std::optional<Instant> deadline;
  bool existed = false;
  std::vector<Notice> retained;
  bool ended = false;  // nothing follows
};

// Makes the handle, or finds the one that the same request made before. `replace`: also in place of
// one that other contents made, or that has ended.
struct Create {
  std::string key;
  timer::Spec spec;
  bool replace = false;
  Reply<Opened> reply;
  bool is_new = false;  // the key has just been drawn: nobody need look whether it is taken
};

// Puts a time-out on a handle that exists.
struct Bound {
  std::string key;
  Span timeout;
  Boxed<timer::Outcome> fallback;
  std::string idempotency_key;
  Reply<Opened> reply;
};

struct Watch {
  std::string key;
  uint64_t after = 0;
  Reply<Opened> reply;
};

struct Cancelled {
  Instant now;
};
struct Cancel {
  std::string key;
  Reply<Cancelled> reply;
};

struct Stopped {
  Instant now;
  timer::Phase phase;
};
struct StopLoop {
  std::string key;
  Reply<Stopped> reply;
};

struct Reported {
  Instant now;
  timer::ReportResult result;
};
struct Report {
  std::string key;
  uint64_t run = 0;
  timer::Outcome outcome;
  Reply<Reported> reply;
};

// What can be done to a loop between its start and its end.
struct PauseLoop {};
struct ResumeLoop {};
struct ResetLoop {};
struct ChangeInterval {
  Span interval;
};
struct TriggerLoop {};
struct Steered {
  Instant now;
  timer::Phase phase;
  std::optional<Instant> deadline;
  uint64_t run = 0;  // the last one begun
};
struct Steer {
  std::string key;
  std::variant<PauseLoop, ResumeLoop, ResetLoop, ChangeInterval, TriggerLoop> action;
  Reply<Steered> reply;
};

struct Moved {
  Instant now;
  timer::MoveResult result;
};
struct Reschedule {
  std::string key;
  timer::Move move;
  Reply<Moved> reply;
};

struct Got {
  Instant now;
  Span wall_ahead;
  timer::Handle handle;
};
struct Get {
  std::string key;
  Reply<Got> reply;
};

// Where a page of a listing begins: after this deadline (pending handles) or this key (all others).
struct ListCursor {
  std::optional<DueKey> due;  // on the service timeline
  std::string key;
};
struct ListFilter {
  std::optional<timer::Phase> phase;
  std::optional<timer::Kind> kind;
  std::string prefix;  // of keys
};
struct Listed {
  struct Row {
    DueKey due;  // its place in the order, when pending handles are listed
    timer::Handle handle;
  };
  Instant now;
  Span wall_ahead;
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

// Where a reader of a feed begins: with what is decided from now on, with the oldest event that is
// retained, behind an event, or with the first that was decided at a time or later.
struct FromNow {};
struct FromOldest {};
struct AfterEvent {
  uint64_t sequence = 0;
};
struct SinceTime {
  Instant time;
};
using FeedStart = std::variant<FromNow, FromOldest, AfterEvent, SinceTime>;
struct FeedFilter {
  std::string prefix;  // of keys: begins with the namespace and a slash
  std::string queue;   // empty: all
};
struct FeedPage {
  Instant now;
  // How many events should have come before those of this page, and are retained no more.
  uint64_t missing = 0;
  std::optional<Instant> oldest;  // the time of the oldest event retained
  uint64_t begin = 0;             // the page comes after this event, and after what is missing
  std::vector<Notice> events;
  uint64_t through = 0;  // where the next page begins: after this event
  bool more = false;     // there is one to be had at once
};
// Reads one page of the events that are durable.
struct ReadFeed {
  FeedStart start;
  FeedFilter filter;
  Reply<FeedPage> reply;
};

// What the time is.
struct TimeRead {
  clock::Reading reading;
  bool is_virtual = false;
};
struct ReadTime {
  Reply<TimeRead> reply;
};

// Moves a clock that stands still otherwise. A shard under a real clock refuses.
struct StepBy {
  Span by;
};
struct JumpBy {
  Span by;
  uint64_t limit = 0;  // deadlines to fire; 0: all
};
struct StepToNext {};
struct Advanced {
  Instant now;
  uint64_t fired = 0;
};
struct Advance {
  std::variant<StepBy, JumpBy, StepToNext> way;
  Reply<Advanced> reply;
};

// One that followed the handle is gone. Without a reply.
struct Unfollow {
  std::string key;
};

// What a worker says of a run.
struct Settled {
  Instant now;
  timer::SettleResult result;
  std::optional<timer::EventType> end;
};
class Worker;
struct Settle {
  std::string key;
  uint64_t lease = 0;
  timer::Verdict verdict;
  Reply<Settled> reply;
  const Worker* by = nullptr;  // who says it; null: the worker that has the lease
};

// The worker that held a lease is gone; it may come back. Changes nothing when the lease has been
// extended by another since. Without a reply.
struct Abandon {
  std::string key;
  uint64_t lease = 0;
};

// A worker of `queue` has credit again. Without a reply.
struct Dispatch {
  std::string queue;
};

// Drops what waits in a queue.
struct PurgeQueue {
  std::string queue;
  Reply<uint64_t> reply;
};

// Where the oldest of what waits in a queue stands; nothing when none does.
struct ReadOldest {
  std::string queue;
  Reply<std::optional<Instant>> reply;
};

// A dead letter and where it lies: by when it was given up, then by place.
struct Letter {
  DueKey key;
  storage::v1::DeadLetter letter;
  timer::Spec spec;
  uint64_t generation = 1;
};
struct Letters {
  Instant now;
  std::vector<Letter> letters;
  bool more = false;
};
struct ListLetters {
  std::string queue;
  std::optional<DueKey> after;
  size_t max = 0;
  Reply<Letters> reply;
};

// Forgets a dead letter; `replay` also makes a timer of it, due at once. Replies with the key of
// that timer, or nothing.
struct TakeLetter {
  std::string queue;
  DueKey letter;
  bool replay = false;
  std::string new_key;  // of this shard: for the timer, if a handle that lives has the old one
  Reply<std::string> reply;
};

// Runs on the shard's thread, in its turn among the commands.
struct Run {
  absl::AnyInvocable<void()> function;
};

using Command = std::variant<Create, Bound, Watch, Cancel, StopLoop, Steer, Report, Reschedule, Get,
                             List, ReadFeed, ReadTime, Advance, Unfollow, Settle, Abandon, Dispatch,
                             PurgeQueue, ReadOldest, ListLetters, TakeLetter, Run>;

// Answers `command` with an error, without executing it.
void RefuseCommand(Command& command, const absl::Status& error);
// Whether it is what a worker says of its leases: it keeps its order, and others come first.
bool IsFromWorker(const Command& command);

// Where commands go: a shard's inbox.
class CommandPort {
 public:
  virtual ~CommandPort() = default;
  // Hands `command` to the shard's thread; any thread. When too many wait already, its reply gets
  // RESOURCE_EXHAUSTED on this thread instead.
  virtual void Post(Command command) = 0;
  // The same, whatever waits already: for what must not be lost.
  virtual void PostAlways(Command command) = 0;
};

}  // namespace timerd::reactor
