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

Committer::Committer(store::ShardLog& log, store::StateStore& state, uint64_t last,
                     absl::AnyInvocable<void() const> on_progress)
    : log_(log),
      state_(state),
      on_progress_(std::move(on_progress)),
      durable_(last),
      applied_(last),
      append_thread_([this] { AppendLoop(); }),
      apply_thread_([this] { ApplyLoop(); }) {}

Committer::~Committer() {
  to_append_.Close();
  append_thread_.join();
  to_apply_.Close();
  apply_thread_.join();
  OrDie(state_.Checkpoint(), "writing a checkpoint");
}

void Committer::Submit(store::Frame frame) { to_append_.Push(std::move(frame)); }

void Committer::AppendLoop() {
  NameThisThread("append");
  while (true) {
    std::vector<store::Frame> frames = to_append_.TakeAll();
    if (frames.empty()) {
      return;
    }
    for (store::Frame& frame : frames) {
      OrDie(log_.Append(frame), "writing to the log");
      durable_.store(frame.sequence(), std::memory_order_release);
      on_progress_();
      to_apply_.Push(std::move(frame));
    }
  }
}

void Committer::ApplyLoop() {
  NameThisThread("apply");
  while (true) {
    const std::vector<store::Frame> frames = to_apply_.TakeAll();
    if (frames.empty()) {
      return;
    }
    const uint64_t last = frames.back().sequence();
    OrDie(state_.Apply(frames), "applying frames");
    OrDie(log_.Trim(last), "trimming the log");
    applied_.store(last, std::memory_order_release);
    on_progress_();
  }
}

}  // namespace timerd::reactor
