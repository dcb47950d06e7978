// A whole shard with its store, in one thread, under a clock that only the simulation moves, beside
// a model of it. Everything that happens comes from one seed: commands, the steps of time, how late
// frames become durable and are applied, checkpoints, crashes.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/reactor/shard.h"
#include "tests/simulation/experiment.h"
#include "tests/simulation/model.h"
#include "tests/simulation/slow_disk.h"

namespace timerd::simulation {

// What happened in a run, to see that it happened at all.
struct Tally {
  uint64_t commands = 0;
  uint64_t refusals = 0;
  uint64_t events = 0;
  uint64_t redeliveries = 0;
  uint64_t crashes = 0;
  uint64_t frames = 0;
  uint64_t unacknowledged_kept = 0;  // frames that a crash kept although nobody knew
  uint64_t frames_lost = 0;
  uint64_t rows = 0;
  uint64_t wall_steps = 0;  // of the wall clock
  uint64_t replaced = 0;
  uint64_t fired_for_a_command = 0;  // of what was overdue at a start
  uint64_t shrunk = 0;               // times that more was due within the window than was resident

  Tally& operator+=(const Tally& other);
};

class Simulation : public Experiment, private reactor::EventSink {
 public:
  explicit Simulation(uint64_t seed);
  ~Simulation() override;

  // Runs until the end or the first contradiction.
  void Run(int steps);

  const Tally& tally() const { return tally_; }

 private:
  using EventKey = std::pair<uint64_t, uint64_t>;  // incarnation, sequence
  // An event that came out of a shard, this one or one before a crash.
  struct Told {
    timer::EventType type;
    uint64_t run;
    uint64_t version;  // of the model, when it was made
  };
  // A reply or an event that is to come out next, or after others.
  struct Expected {
    std::string text;
    uint64_t version;  // of the model, which must be durable before
    uint64_t frame;    // the last one taken; nothing after the next one is worth waiting for
    std::optional<std::pair<EventKey, Told>> event;
  };

  // ---- One step.
  void Step();
  void MoveClock(bool may_be_set);
  void Begin();
  void LoadWindow();
  void Fire(size_t limit);
  void FireOverdue(size_t limit);
  void ExecuteSome();
  void TakeFrame(bool even_empty);
  void AppendNext();
  void TellDurable();
  void ApplyNext();
  void TellApplied();
  void Release();
  void Checkpoint();
  // Brings everything to its end and compares all that can be seen.
  void Quiesce();
  void CheckNextWake();
  void CheckResidents();
  void CheckHandles();
  void CheckListing(const reactor::ListFilter& filter);
  void Crash();
  void Start();

  // ---- Commands: each executes one and notes what the model answers.
  // `id` is about to get a command: what was overdue of it at the start fires first.
  void Reach(const std::string& id);
  void DoCreate();
  void DoBound();
  void DoWatch();
  void DoCancel();
  void DoStop();
  void DoReport();
  void DoSteer();
  void DoMove();
  void DoGet(const std::string& id);
  void DoList();
  template <typename T>
  reactor::Reply<T> Expect(const std::string& command, const absl::StatusOr<T>& answer);
  void ExpectFiring(bool redelivery);
  // An event that is to come out once `version` of the model is durable.
  void ExpectEvent(const ModelEvent& event, uint64_t version, uint64_t frame);

  void OnEvent(std::unique_ptr<const reactor::Notice> notice) override;
  bool IsFollowed(absl::string_view) override { return false; }
  void OnOutput(const std::string& text);

  // ---- Choices.
  std::string AnyId();
  std::string AnyKnownId();
  Span AnyDelay();
  Span AnyStep();
  std::string AnyPayload();
  timer::Outcome AnyOutcome();
  timer::Spec AnySpec();
  void AddPolicy(timer::Spec& spec);

  uint64_t ids_;       // how many ids there are
  uint64_t slowness_;  // of the disk
  // Wall minus service time: a restart must find its way back from one to the other.
  int64_t wall_offset_ns_;

  SlowDisk disk_;
  std::unique_ptr<reactor::Shard> shard_;

  Model model_;
  std::map<uint64_t, Model> after_frame_;  // from the last frame applied on

  std::deque<Expected> expected_;
  std::map<EventKey, Told> told_;
  std::map<EventKey, Told> taken_back_;  // told before a crash that undid them: must come again
  bool fresh_ = true;                    // the shard has seen no clock yet
  bool wall_was_set_ = false;            // and no frame says so yet
  Instant started_at_;
  uint64_t first_place_ = 0;  // of the deadlines that were set since
  uint64_t lists_waiting_ = 0;

  uint64_t next_command_ = 1;
  Tally tally_;
};

}  // namespace timerd::simulation
