#include "server/reactor/committer.h"

#include <utility>
#include <vector>

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

Committer::Committer(const CommitterOptions& options, store::ShardLog& log,
                     store::StateStore& state, uint64_t last,
                     absl::AnyInvocable<void() const> on_progress)
    : options_(options),
      log_(log),
      state_(state),
      on_progress_(std::move(on_progress)),
      durable_(last),
      applied_(last),
      gathered_(last),
      append_thread_([this] { AppendLoop(); }),
      apply_thread_([this] { ApplyLoop(); }) {}

Committer::~Committer() {
  to_append_.Close();
  append_thread_.join();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
  }
  changed_.notify_one();
  apply_thread_.join();
  OrDie(state_.Checkpoint(), "writing a checkpoint");
}

void Committer::Submit(std::shared_ptr<const store::Frame> frame) {
  to_append_.Push(std::move(frame));
}

void Committer::Want(uint64_t sequence) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (sequence <= wanted_) {
      return;
    }
    wanted_ = sequence;
  }
  changed_.notify_one();
}

void Committer::AppendLoop() {
  NameThisThread("append");
  while (true) {
    std::vector<std::shared_ptr<const store::Frame>> frames = to_append_.TakeAll();
    if (frames.empty()) {
      return;
    }
    for (const auto& frame : frames) {
      OrDie(log_.Append(*frame), "writing to the log");
      durable_.store(frame->sequence(), std::memory_order_release);
      on_progress_();
      OrDie(state_.Gather(*frame), "applying a frame");
      NoteGathered(frame->sequence());
    }
  }
}

void Committer::NoteGathered(uint64_t sequence) {
  const size_t bytes = state_.gathered_bytes();
  bool matters = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const uint64_t applied = applied_.load(std::memory_order_relaxed);
    matters = gathered_ <= applied || wanted_ > applied || bytes >= options_.max_gathered;
    gathered_ = sequence;
    // It may have been applied already.
    gathered_bytes_.store(sequence > applied ? bytes : 0, std::memory_order_relaxed);
  }
  if (matters) {
    changed_.notify_one();
  }
}

bool Committer::WaitToApply() {
  const auto applied = [this] { return applied_.load(std::memory_order_relaxed); };
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return closed_ || gathered_ > applied(); });
  if (gathered_ <= applied()) {
    return false;
  }
  changed_.wait_for(lock, options_.max_lag, [&] {
    return closed_ || wanted_ > applied() ||
           gathered_bytes_.load(std::memory_order_relaxed) >= options_.max_gathered;
  });
  return true;
}

void Committer::ApplyLoop() {
  NameThisThread("apply");
  while (WaitToApply()) {
    applying_bytes_.store(gathered_bytes_.exchange(0, std::memory_order_relaxed),
                          std::memory_order_relaxed);
    const absl::StatusOr<uint64_t> applied = state_.Apply();
    OrDie(applied.status(), "applying frames");
    OrDie(log_.Trim(*applied), "trimming the log");
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      applying_bytes_.store(0, std::memory_order_relaxed);
      if (gathered_ <= *applied) {
        gathered_bytes_.store(0, std::memory_order_relaxed);
      }
      applied_.store(*applied, std::memory_order_release);
    }
    on_progress_();
  }
}

}  // namespace timerd::reactor
