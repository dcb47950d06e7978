// The threads that make a shard's frames durable, and apply them to its state.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "server/reactor/frame_queue.h"
#include "server/store/shard_log.h"
#include "server/store/state_store.h"

namespace timerd::reactor {

// One frame is being made durable while the next is gathered: the shard's thread hands over a frame
// when the one before is durable, however many commands came meanwhile (group commit). What is
// durable is applied in as few pieces as there is time for, and then trimmed off the log. A write
// that fails ends the process, because no later answer could be true; recovery is by restart.
class Committer {
 public:
  // Continues after frame `last`. `on_progress` is called on the committer's threads whenever
  // durable() or applied() has grown. `log` and `state` outlive the committer.
  Committer(store::ShardLog& log, store::StateStore& state, uint64_t last,
            absl::AnyInvocable<void() const> on_progress);
  // Finishes what was submitted, and leaves a checkpoint.
  ~Committer();

  // REQUIRES: durable() is the last frame submitted.
  void Submit(store::Frame frame);

  // Any thread. applied() <= durable().
  uint64_t durable() const { return durable_.load(std::memory_order_acquire); }
  uint64_t applied() const { return applied_.load(std::memory_order_acquire); }

 private:
  void AppendLoop();
  void ApplyLoop();

  store::ShardLog& log_;
  store::StateStore& state_;
  const absl::AnyInvocable<void() const> on_progress_;

  std::atomic<uint64_t> durable_;
  std::atomic<uint64_t> applied_;

  FrameQueue to_append_;
  FrameQueue to_apply_;
  std::thread append_thread_;
  std::thread apply_thread_;
};

}  // namespace timerd::reactor
