// The threads that make a shard's frames durable, apply them to its state, and trim its log.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "server/base/mutex.h"
#include "server/store/shard_log.h"
#include "server/store/state_store.h"

namespace timerd::reactor {

// One frame is being made durable while the next is gathered: the shard's thread hands over a frame
// when the one before is durable, however many commands came meanwhile (group commit). A write that
// fails ends the process, because no later answer could be true; recovery is by restart.
class Committer {
 public:
  // Appended bytes after which the state is checkpointed and the log trimmed.
  static constexpr size_t kDefaultCheckpointBytes = 32 << 20;

  // Continues after frame `last`. `on_progress` is called on the committer's thread whenever
  // durable() or applied() has grown. `log` and `state` outlive the committer.
  Committer(store::ShardLog& log, store::StateStore& state, uint64_t last, size_t checkpoint_bytes,
            absl::AnyInvocable<void()> on_progress);
  // Finishes what was submitted, checkpoints, and joins.
  ~Committer();

  // REQUIRES: durable() is the last frame submitted.
  void Submit(store::Frame frame);

  // Any thread. applied() <= durable().
  uint64_t durable() const { return durable_.load(std::memory_order_acquire); }
  uint64_t applied() const { return applied_.load(std::memory_order_acquire); }

 private:
  void CommitLoop();
  void Commit(const store::Frame& frame);
  // A checkpoint writes out many megabytes: on a thread of its own, so that no frame waits for it.
  void CheckpointLoop();

  store::ShardLog& log_;
  store::StateStore& state_;
  const size_t checkpoint_bytes_;

  absl::AnyInvocable<void()> on_progress_;  // committer's thread
  std::atomic<size_t> since_checkpoint_{0};  // bytes

  std::atomic<uint64_t> durable_;
  std::atomic<uint64_t> applied_;

  std::mutex mutex_;  // bare, because std::condition_variable wants it so
  std::condition_variable submitted_;
  std::condition_variable checkpoint_due_;
  std::deque<store::Frame> frames_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool committed_all_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread commit_thread_;
  std::thread checkpoint_thread_;
};

}  // namespace timerd::reactor
