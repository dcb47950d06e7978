#include "server/reactor/committer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/thread_name.h"

namespace timerd::reactor {
namespace {

void OrDie(const absl::Status& status, absl::string_view doing) {
  if (!status.ok()) {
    LogFatal(absl::StrCat(doing, ": ", status.ToString(),
                          "; stopping, because nothing could be promised any more: mend the disk "
                          "and start again"));
  }
}

}  // namespace

Committer::Committer(store::ShardLog& log, store::StateStore& state, uint64_t last,
                     size_t checkpoint_bytes, absl::AnyInvocable<void()> on_progress)
    : log_(log),
      state_(state),
      checkpoint_bytes_(checkpoint_bytes),
      on_progress_(std::move(on_progress)),
      durable_(last),
      applied_(last),
      commit_thread_([this] { CommitLoop(); }),
      checkpoint_thread_([this] { CheckpointLoop(); }) {}

Committer::~Committer() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  submitted_.notify_one();
  commit_thread_.join();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    committed_all_ = true;  // the last checkpoint covers everything
  }
  checkpoint_due_.notify_one();
  checkpoint_thread_.join();
}

void Committer::Submit(store::Frame frame) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    frames_.push_back(std::move(frame));
  }
  submitted_.notify_one();
}

void Committer::CommitLoop() {
  NameThisThread("commit");
  while (true) {
    store::Frame frame;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      submitted_.wait(lock, [this] { return stopping_ || !frames_.empty(); });
      if (frames_.empty()) {
        return;
      }
      frame = std::move(frames_.front());
      frames_.pop_front();
    }
    Commit(frame);
  }
}

void Committer::Commit(const store::Frame& frame) {
  OrDie(log_.Append(frame), "writing to the log");
  durable_.store(frame.sequence(), std::memory_order_release);
  on_progress_();
  OrDie(state_.Apply(frame), "applying a frame");
  applied_.store(frame.sequence(), std::memory_order_release);
  on_progress_();
  const size_t bytes = frame.ByteSizeLong();
  if (since_checkpoint_.fetch_add(bytes) + bytes >= checkpoint_bytes_) {
    const std::lock_guard<std::mutex> lock(mutex_);  // or it could fall asleep past this
    checkpoint_due_.notify_one();
  }
}

void Committer::CheckpointLoop() {
  NameThisThread("checkpoint");
  bool last = false;
  while (!last) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      checkpoint_due_.wait(
          lock, [this] { return committed_all_ || since_checkpoint_.load() >= checkpoint_bytes_; });
      last = committed_all_;
    }
    if (since_checkpoint_.exchange(0) == 0) {
      continue;
    }
    const absl::StatusOr<uint64_t> through = state_.Checkpoint();
    OrDie(through.status(), "writing a checkpoint");
    OrDie(log_.Trim(*through), "trimming the log");
  }
}

}  // namespace timerd::reactor
