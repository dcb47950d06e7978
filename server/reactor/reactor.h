// One shard on a thread of its own, under the real clock.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "server/clock/clock.h"
#include "server/clock/waker.h"
#include "server/reactor/committer.h"
#include "server/reactor/inbox.h"
#include "server/reactor/load.h"
#include "server/reactor/recovery.h"
#include "server/reactor/shard.h"

namespace timerd::reactor {

struct ReactorOptions {
  ShardOptions shard;
  // Commands that may wait for the shard's thread; one more is refused.
  size_t max_inbox = 65'536;
  CommitterOptions committer;
};

class Reactor final : public CommandPort {
 public:
  // Starts the thread. `recovered` is what Recover() returned. All references outlive the reactor.
  Reactor(const ReactorOptions& options, const Recovered& recovered, const clock::RealClock& clock,
          store::ShardLog& log, store::StateStore& state, EventSink& sink);
  // Executes what has been posted, gives every reply, writes everything down, and joins. Nobody may
  // post any more.
  ~Reactor() override;

  void Post(Command command) override;
  void PostAlways(Command command) override;

  // Any thread.
  Load load() const;

 private:
  void Loop();
  // Returns true if there is more to do at once.
  bool Turn();
  // Some of what can wait; returns true if there is more.
  bool DoUnhurried();
  // Takes note of some of what the committer has done; returns true if there is more.
  bool TakeProgress();
  void SubmitFrame();
  // What load() says.
  void Publish();

  const ReactorOptions options_;
  const clock::RealClock& clock_;
  Inbox& InboxOf(const Command& command) { return IsFromWorker(command) ? workers_inbox_ : inbox_; }

  Inbox inbox_;
  Inbox workers_inbox_;
  clock::Waker waker_;
  std::atomic<bool> stopping_{false};
  // Copies for load().
  std::atomic<size_t> residents_{0};
  std::atomic<size_t> resident_bytes_{0};
  std::atomic<Span> window_;
  std::atomic<Span> loaded_ahead_{Span::zero()};
  std::atomic<uint64_t> pages_{0};
  std::atomic<uint64_t> late_pages_{0};
  std::atomic<uint64_t> frames_{0};
  std::atomic<uint64_t> operations_{0};

  // Shard's thread.
  Shard shard_;
  std::vector<Command> commands_;
  std::vector<Command> from_workers_;  // taken from their inbox,
  size_t next_from_workers_ = 0;       // of which those before this are executed
  uint64_t durable_;
  uint64_t applied_;
  uint64_t submitted_;
  uint64_t wanted_ = 0;  // as the committer knows it
  Instant submitted_at_;
  int64_t in_flight_ = 0;              // operations of the frame that is to become durable
  size_t fires_left_;                  // how many deadlines the next frame may yet take
  int64_t unhurried_;                  // how much a frame may take of what can wait,
  size_t unhurried_left_;              // and how much more the next one may
  bool reservations_written_ = false;  // once stopping
  int64_t anchored_offset_ns_;         // wall minus service time, as the last frame has it

  Committer committer_;
  std::thread thread_;
};

}  // namespace timerd::reactor
