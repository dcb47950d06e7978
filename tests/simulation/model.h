// What a shard should do, said a second time and as simply as possible: every handle in one map,
// every deadline in another, no disk, no window, no wheel. A value: a copy is a point in history to
// which a crash may lead back.
//
// Written from docs/guarantees.md, not from server/timer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/clock/clock.h"
#include "server/reactor/command.h"

namespace timerd::simulation {

// An event, and which handle made it: ids are used again.
struct ModelEvent {
  uint64_t incarnation;
  uint64_t rests_on;  // the version in which the handle had last changed before
  reactor::Notice notice;
};

class Model {
 public:
  explicit Model(const timer::Limits& limits) : limits_(limits) {}

  // Takes note of the clocks. A step of the wall clock is followed, unless it is a small one
  // forward; a `fresh` server takes it as it is.
  void SetClock(const clock::Reading& now, bool fresh);

  // Each is what the command of that name answers at `now`, wording aside.
  absl::StatusOr<reactor::Opened> Create(const std::string& id, const timer::Spec& spec,
                                         bool replace, const clock::Reading& now);
  absl::StatusOr<reactor::Opened> Bound(const std::string& id, Span timeout,
                                        const std::optional<timer::Outcome>& fallback,
                                        const clock::Reading& now);
  absl::StatusOr<reactor::Opened> Watch(const std::string& id, uint64_t after,
                                        const clock::Reading& now) const;
  absl::StatusOr<reactor::Cancelled> Cancel(const std::string& id, const clock::Reading& now);
  absl::StatusOr<reactor::Stopped> Stop(const std::string& id, const clock::Reading& now);
  absl::StatusOr<reactor::Reported> Report(const std::string& id, uint64_t run,
                                           const timer::Outcome& outcome,
                                           const clock::Reading& now);
  // `to` is the new deadline, Unix time if `wall`; or `by` how much later than the old one.
  absl::StatusOr<reactor::Moved> Move(const std::string& id, std::optional<Instant> to, bool wall,
                                      Span by, const clock::Reading& now);
  // model_loops.cc.
  absl::StatusOr<reactor::Steered> Pause(const std::string& id, const clock::Reading& now);
  absl::StatusOr<reactor::Steered> Resume(const std::string& id, const clock::Reading& now);
  absl::StatusOr<reactor::Steered> Trigger(const std::string& id, const clock::Reading& now);
  absl::StatusOr<reactor::Got> Get(const std::string& id, const clock::Reading& now) const;
  // The handles that match, pending ones in firing order if that is the phase asked for.
  std::vector<std::string> List(const reactor::ListFilter& filter, Instant now) const;

  // The same handles, as seen while the clocks stand as they do for `other`.
  Model WithClockOf(const Model& other) const;

  // The tick at which the next deadline is due; nothing when nothing is armed.
  std::optional<uint64_t> NextTick() const;
  // Fires the next deadline. REQUIRES: there is one.
  void Fire(const clock::Reading& now);
  // Fires the next of those that were armed before `place` and are due at `tick`: of `id`, unless
  // that is empty. Returns false if there is none.
  bool FireOverdue(const std::string& id, uint64_t tick, uint64_t place, const clock::Reading& now);
  // What the next deadline gets that is armed.
  uint64_t next_place() const { return next_place_; }

  // Events since the last call, in order.
  std::vector<ModelEvent> TakeEvents() { return std::exchange(events_, {}); }
  // Grows with each change.
  uint64_t version() const { return version_; }

  // For choosing commands that mean something.
  std::optional<timer::Phase> PhaseOf(const std::string& id) const;
  uint64_t RunOf(const std::string& id) const;
  std::optional<timer::Spec> SpecOf(const std::string& id) const;
  // Handles with a deadline not after `tick`.
  size_t CountDueBy(uint64_t tick) const;

 private:
  enum class Role { kOwn, kTimeout };
  // By tick, then in the order in which they were set.
  using Key = std::pair<uint64_t, uint64_t>;
  struct Armed {
    std::string id;
    Role role = Role::kOwn;
    Instant at;
    bool wall = false;  // `at` is Unix time
    Span span{};        // time-outs
    Boxed<timer::Outcome> fallback;
    bool by_task = false;  // the time-out that a task was made with
  };
  struct Entry {
    uint64_t incarnation = 0;
    timer::Spec spec;
    Instant created;
    std::optional<Instant> first_deadline;
    timer::Phase phase = timer::Phase::kPending;
    uint64_t run = 0;
    uint64_t sequence = 0;
    // Loops; Unix time with cron.
    Instant origin;
    Instant previous;  // tick
    Instant boundary;  // that the deadline stands for
    bool paused = false;
    uint64_t changed = 0;              // the version in which it last changed
    std::map<uint64_t, bool> reports;  // run -> success
    std::optional<timer::Event> last_firing;
    std::optional<timer::Event> end;
    std::optional<Instant> forgotten_at;
  };

  void FollowClock(Span ahead);
  void FireAt(std::map<Key, Armed>::iterator next, const clock::Reading& now);
  void FireNext(const Armed& armed, Entry& entry, const clock::Reading& now);
  static bool IsForgotten(const Entry& entry, Instant now);
  absl::StatusOr<Entry*> Find(const std::string& id, Instant now);
  absl::StatusOr<const Entry*> Find(const std::string& id, Instant now) const;
  void Arm(Armed armed);
  // Takes out all of `id` that have `role`.
  void Disarm(const std::string& id, Role role);
  std::optional<std::pair<Key, Armed>> ArmedOf(const std::string& id, Role role,
                                               bool by_task = false) const;
  timer::Event MakeEvent(Entry& entry, timer::EventType type, Instant now);
  void Publish(const std::string& id, const Entry& entry, const timer::Event& event);
  void BeginRun(const std::string& id, Entry& entry, timer::Event event);
  Instant ServiceTime(const Armed& armed) const {
    return armed.wall ? armed.at - ahead_ : armed.at;
  }
  // model_loops.cc: the life of a loop.
  Instant DomainNow(const Entry& entry, Instant now) const;
  void StartLoop(const std::string& id, Entry& entry, Instant now);
  void FireLoop(const std::string& id, Entry& entry, const Armed& armed, Instant now);
  void ArmBoundary(const std::string& id, Entry& entry, Instant boundary);
  void EndRun(const std::string& id, Entry& entry, const std::string& payload, Instant now);
  absl::StatusOr<Entry*> FindLoop(const std::string& id, Instant now);
  reactor::Steered ToSteered(const std::string& id, const Entry& entry, Instant now) const;
  void End(const std::string& id, Entry& entry, timer::Event event, Instant now);
  reactor::Notice MakeNotice(const std::string& id, const Entry& entry,
                             const timer::Event& event) const;
  reactor::Opened Open(const std::string& id, const Entry& entry, uint64_t after,
                       Instant now) const;
  timer::Handle View(const std::string& id, const Entry& entry) const;

  timer::Limits limits_;
  Span ahead_{};  // of the wall clock, in whole milliseconds
  std::map<std::string, Entry> entries_;
  std::map<Key, Armed> order_;
  uint64_t next_place_ = 0;
  uint64_t next_incarnation_ = 0;
  uint64_t version_ = 0;
  std::vector<ModelEvent> events_;
};

}  // namespace timerd::simulation
