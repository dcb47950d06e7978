// The threads that make a shard's frames durable, and apply them to its state.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "server/base/mutex.h"
#include "server/reactor/frame_queue.h"
#include "server/store/shard_log.h"
#include "server/store/state_store.h"

namespace timerd::reactor {

// How long what is durable may wait to be applied: in memory, and in the log.
struct CommitterOptions {
  size_t max_gathered = size_t{8} << 20;  // bytes of what frames change
  std::chrono::milliseconds max_lag{5000};
};

// One frame is being made durable while the next is gathered: the shard's thread hands over a frame
// when the one before is durable, however many commands came meanwhile (group commit).
//
// What is durable is applied late, and then trimmed off the log: once there is much of it, once it
// has waited for some seconds, or once somebody is to read it. A timer that lives for less is never
// written to the index at all.
//
// A write that fails ends the process, because no later answer could be true; recovery is by
// restart.
class Committer {
 public:
  // Continues after frame `last`. `on_progress` is called on the committer's threads whenever
  // durable() or applied() has grown. `log` and `state` outlive the committer.
  Committer(const CommitterOptions& options, store::ShardLog& log, store::StateStore& state,
            uint64_t last, absl::AnyInvocable<void() const> on_progress);
  // Finishes what was submitted, and leaves a checkpoint.
  ~Committer();

  // REQUIRES: durable() is the last frame submitted.
  void Submit(std::shared_ptr<const store::Frame> frame);
  // Frame `sequence`, which may be yet to come, is to be applied as soon as it is durable.
  void Want(uint64_t sequence);

  // Any thread. applied() <= durable().
  uint64_t durable() const { return durable_.load(std::memory_order_acquire); }
  uint64_t applied() const { return applied_.load(std::memory_order_acquire); }
  // What is gathered or being applied, in bytes. At most twice what may be gathered, if the
  // caller stops to submit there.
  size_t unapplied_bytes() const {
    return gathered_bytes_.load(std::memory_order_relaxed) +
           applying_bytes_.load(std::memory_order_relaxed);
  }

 private:
  void AppendLoop();
  // Frame `sequence` has been gathered.
  void NoteGathered(uint64_t sequence);
  void ApplyLoop();
  // Waits until there is reason to apply; false when there will be no more.
  bool WaitToApply();

  const CommitterOptions options_;
  store::ShardLog& log_;
  store::StateStore& state_;
  const absl::AnyInvocable<void() const> on_progress_;

  std::atomic<uint64_t> durable_;
  std::atomic<uint64_t> applied_;
  std::atomic<size_t> gathered_bytes_{0};
  std::atomic<size_t> applying_bytes_{0};

  FrameQueue to_append_;
  std::mutex mutex_;  // bare, because std::condition_variable wants it so
  std::condition_variable changed_;
  uint64_t gathered_ ABSL_GUARDED_BY(mutex_);  // the last frame
  uint64_t wanted_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread append_thread_;
  std::thread apply_thread_;
};

}  // namespace timerd::reactor
