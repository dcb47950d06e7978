// A shard whose handles name queues, with its store, in one thread, under a clock that only the
// simulation moves, beside a model of it and with workers that take, settle, extend, give back,
// forget and go away. Everything that happens comes from one seed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/reactor/shard.h"
#include "tests/simulation/experiment.h"
#include "tests/simulation/queue_model.h"
#include "tests/simulation/slow_disk.h"

namespace timerd::simulation {

// What happened in a run, to see that it happened at all.
struct QueueTally {
  uint64_t commands = 0;
  uint64_t deliveries = 0;
  uint64_t redeliveries = 0;  // of another attempt
  uint64_t lapses = 0;
  uint64_t settled = 0;  // that counted
  uint64_t settled_over_a_crash = 0;
  uint64_t refused = 0;
  uint64_t buried = 0;
  uint64_t replayed = 0;
  uint64_t purged = 0;
  uint64_t due_again = 0;            // of what waited at a crash
  uint64_t fired_for_a_command = 0;  // of what was overdue at a start
  uint64_t crashes = 0;
  uint64_t frames_lost = 0;

  QueueTally& operator+=(const QueueTally& other);
};

class QueueSimulation : public Experiment,
                        private reactor::EventSink,
                        private reactor::QueueDirectory {
 public:
  explicit QueueSimulation(uint64_t seed);
  ~QueueSimulation() override;

  // Runs until the end, where all that is left must come to its own, or the first contradiction.
  void Run(int steps);

  const QueueTally& tally() const { return tally_; }

 private:
  class Worker;
  class Queue;
  // An occurrence as a worker has it.
  struct Held {
    std::string key;
    uint64_t lease = 0;   // the shard's number
    uint64_t number = 0;  // the model's
    bool over_a_crash = false;
  };
  // What is to come out of the shard, in order of one handle or one command.
  struct Expected {
    std::string text;
    uint64_t version;     // of the model, which must be durable before
    uint64_t number = 0;  // of the lease, with an occurrence
  };

  // ---- One step.
  void Step();
  void Begin();
  void Fire(size_t limit);
  // What became due while the server was down.
  void FireOverdue();
  void Dispatch(size_t limit);
  void TakeFrame();
  void Release();
  void Crash();
  void Start();
  // Whether what waited at a crash still does, or comes due again, is the shard's choice.
  void FindWhatWaits();
  void Quiesce();
  // Workers succeed with all that they get, until nothing lives any more.
  void Drain();
  void CheckHandles();
  void CheckQueue(const std::string& name);

  // ---- Commands: each executes one and notes what the model answers.
  // `key` is about to get a command: what was overdue of it at the start fires first.
  void Reach(const std::string& key);
  void ExecuteSome();
  void DoCreate();
  void DoCancel();
  void DoMove();
  void DoSettle();
  void DoSettle(const Held& held, const timer::Verdict& verdict);
  void DoPurge();
  void DoTakeLetter();
  void DoWorkers();
  // Wakes of queues, and what workers that are gone had.
  void DoOwed();
  void AddWorker(const std::string& queue);
  template <typename T>
  reactor::Reply<T> Expect(const std::string& stream, const std::string& command,
                           const absl::StatusOr<T>& answer);
  std::string NewStream(const std::string& what);

  // ---- What the shard says.
  std::shared_ptr<Worker> OnClaim(const std::string& queue);
  void OnDelivered(Worker& worker, const reactor::Occurrence& occurrence);
  void OnLeaseOver(Worker& worker, const std::string& key, uint64_t lease, bool revoked);
  void OnPurged(uint64_t purged);
  // Leases that have ended in the model: their holders must be told.
  void ExpectLeasesOver();
  std::optional<Expected> OnOutput(const std::string& stream, const std::string& text);
  void OnEvent(std::unique_ptr<const reactor::Notice>) override {}  // simulation.h looks at those
  bool IsFollowed(absl::string_view) override { return false; }
  std::shared_ptr<reactor::Queue> Get(absl::string_view name) override;
  absl::Status RefuseNew(absl::string_view name) const override;

  // ---- Choices.
  Span AnyDelay();
  Span AnyStep();
  std::string AnyKey();
  std::string AnyQueue();
  timer::Verdict AnyVerdict();

  uint64_t ids_;
  uint64_t slowness_;
  Instant started_at_;
  uint64_t first_place_ = 0;  // of the deadlines that were set since
  SlowDisk disk_;
  std::unique_ptr<reactor::Shard> shard_;

  QueueModel model_;
  std::map<uint64_t, QueueModel> after_frame_;  // from the last frame applied on
  std::map<std::string, std::deque<Expected>> expected_;

  std::map<std::string, std::shared_ptr<Queue>> queues_;  // by namespace and name
  std::vector<std::shared_ptr<Worker>> workers_;
  std::set<std::string> to_wake_;
  std::vector<Held> to_abandon_;
  std::vector<Held> remembered_;             // by workers, over a crash or after they have settled
  std::set<uint64_t> claimed_here_;          // by the model's number, since the start
  std::map<uint64_t, uint64_t> numbers_;     // of the shard's leases
  std::map<std::string, uint64_t> held_by_;  // handle -> lease that some worker has
  struct Purge {
    std::string stream;
    std::string queue;
    Instant until;
    uint64_t place;
    size_t purged = 0;
    bool done = false;
  };
  std::optional<Purge> purge_;
  struct KnownLetter {
    std::string queue;
    DueKey key;
    uint64_t lease;
  };
  std::map<uint64_t, KnownLetter> letters_;  // that were listed
  std::set<std::string> keys_;               // of all handles ever
  // These go on over crashes.
  uint64_t next_lease_ = 1;
  uint64_t next_stream_ = 1;
  uint64_t next_payload_ = 1;

  QueueTally tally_;
};

}  // namespace timerd::simulation
