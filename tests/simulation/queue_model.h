// What a shard should do with handles that name queues, said a second time and as simply as
// possible: one map of handles, one of deadlines, one line a queue. A value: a copy is a point in
// history to which a crash may lead back.
//
// Written from docs/guarantees.md, docs/decisions/0018-queues.md and queues.proto, not from
// server/timer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/reactor/command.h"
#include "server/reactor/work.h"

namespace timerd::simulation {

// Leases have numbers that the simulation gives: those that the shard makes are random, and known
// only once an occurrence comes.
class QueueModel {
 public:
  struct Letter {
    uint64_t lease;  // the last one, which names the letter here
    std::string key;
    timer::Spec spec;
    uint64_t generation;
    uint64_t run;
    uint32_t attempts;
    std::optional<Instant> deadline;
    Instant failed;
    std::string failure;
    bool lapsed;
  };
  struct Counts {
    int scheduled = 0, waiting = 0, leased = 0, dead = 0;
    friend bool operator==(const Counts&, const Counts&) = default;
  };
  // What can be seen of a handle.
  struct Sight {
    timer::Phase phase = timer::Phase::kPending;
    timer::Stage stage = timer::Stage::kIdle;
    uint64_t generation = 1;
    uint64_t run = 0;
    uint32_t attempts = 0;
    std::optional<Instant> deadline;  // its own, or what its stage waits for
    std::optional<timer::EventType> end;
    timer::EndReason reason = timer::EndReason::kNone;
    std::string payload;  // of the end
  };

  // `policies`: of each queue, complete.
  QueueModel(Span retention, std::map<std::string, timer::DeliveryPolicy> policies)
      : retention_(retention), policies_(std::move(policies)) {}

  // Each is what the command of that name answers at `now`, wording aside. Create replaces what is
  // there.
  reactor::Opened Create(const std::string& key, const timer::Spec& spec, Instant now);
  absl::StatusOr<reactor::Cancelled> Cancel(const std::string& key, Instant now);
  absl::StatusOr<reactor::Moved> Move(const std::string& key, Instant to, Instant now);
  // `lease` 0: one that nobody was ever given.
  absl::StatusOr<reactor::Settled> Settle(const std::string& key, uint64_t lease,
                                          const timer::Verdict& verdict, Instant now);
  void Abandon(const std::string& key, uint64_t lease, Instant until);
  // Drops at most `limit` of what waits since before `until` and was set before `place`, of
  // next_place(). Returns how many.
  size_t Purge(const std::string& queue, Instant until, uint64_t place, size_t limit, Instant now);
  // The letter of `lease`. Answers with the key of the new timer, or nothing.
  absl::StatusOr<std::string> TakeLetter(const std::string& queue, uint64_t lease, bool replay,
                                         const std::string& new_key, Instant now);
  absl::StatusOr<Sight> Get(const std::string& key, Instant now) const;

  bool HasWaiting(const std::string& queue) const;
  // A worker is given the first of the line, under `lease`. REQUIRES: HasWaiting().
  reactor::Occurrence Claim(const std::string& queue, uint64_t lease, Instant now);

  // The tick at which the next deadline acts; nothing when there is none.
  std::optional<uint64_t> NextTick() const;
  // Acts on the next deadline. Returns whether it counts as fired: a lease that lapses and leads to
  // another attempt does not.
  bool Fire(Instant now);
  // The same for the next of those that were set before `place` and are due at `tick`: of `key`,
  // unless that is empty. Nothing if there is none.
  std::optional<bool> FireOverdue(const std::string& key, uint64_t tick, uint64_t place,
                                  Instant now);

  // After a crash, of a handle that waited: its deadline is ahead again, as it was before it came
  // due, for that need not have been written. Returns false if something else made it wait.
  bool ComesDueAgain(const std::string& key);

  // Leases that ended since the last call: handle, number, whether its holder had not settled it.
  using LeaseOver = std::tuple<std::string, uint64_t, bool>;
  std::vector<LeaseOver> TakeOver() { return std::exchange(over_, {}); }

  uint64_t version() const { return version_; }
  // What the next deadline gets that is set.
  uint64_t next_place() const { return next_place_ + 1; }
  Counts CountsOf(const std::string& queue) const;
  // The oldest first.
  const std::vector<Letter>& LettersOf(const std::string& queue) const;
  // Handles that have not ended.
  std::vector<std::string> Live() const;

 private:
  // By tick, then in the order in which they were set.
  using Key = std::pair<uint64_t, uint64_t>;
  struct Entry {
    timer::Spec spec;
    uint64_t generation = 1;
    timer::Stage stage = timer::Stage::kIdle;  // kIdle: its own deadline is ahead, or it has ended
    std::optional<timer::Stage> before_waiting;  // if it came due for its queue
    Instant due;                                 // what the stage waits for, or waits since
    Key place;                                   // of `due`
    bool running = false;                        // a run has begun
    uint64_t run = 0;
    uint32_t attempts = 0;
    uint32_t released = 0;
    uint64_t lease = 0;
    // The run under way.
    std::optional<Instant> deadline;
    Instant began;
    uint64_t count = 0;
    // Loops.
    Instant origin;
    Instant previous;
    std::optional<timer::EventType> end;
    timer::EndReason reason = timer::EndReason::kNone;
    std::string payload;
    uint32_t end_attempts = 0;
    Instant forgotten_at;
  };

  bool IsThere(const std::string& key, Instant now) const;
  absl::StatusOr<Entry*> Find(const std::string& key, Instant now);
  timer::DeliveryPolicy PolicyOf(const Entry& entry) const;
  // What `entry` waits for from now on.
  void Set(const std::string& key, Entry& entry, timer::Stage stage, Instant due);
  void Unset(Entry& entry);
  void Enqueue(const std::string& key, Entry& entry);
  void DropLease(const std::string& key, Entry& entry, bool revoked);
  bool FireOf(const std::string& key, Instant now);
  void Begin(Entry& entry, std::optional<Instant> deadline, Instant now);
  void Next(const std::string& key, Entry& entry, Instant now);  // of a loop
  void FailAttempt(const std::string& key, Entry& entry, const timer::Failure& failure, bool lapsed,
                   Instant now);
  void End(const std::string& key, Entry& entry, timer::EventType end, timer::EndReason reason,
           const std::string& payload, Instant now);

  Span retention_;
  std::map<std::string, timer::DeliveryPolicy> policies_;
  std::map<std::string, Entry> entries_;
  std::map<Key, std::string> order_;                         // all deadlines
  std::map<std::string, std::map<Key, std::string>> lines_;  // queue -> what waits there
  std::map<std::string, std::vector<Letter>> letters_;
  uint64_t next_place_ = 0;
  uint64_t version_ = 0;
  std::vector<LeaseOver> over_;
};

}  // namespace timerd::simulation
