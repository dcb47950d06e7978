#include "server/reactor/reactor.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/base/thread_name.h"

namespace timerd::reactor {
namespace {

// Deadlines fired in one frame, so that commands wait a few milliseconds at most, for their turn as
// well as for the disk.
constexpr size_t kFireLimit = 512;
// Occurrences for workers, what workers say of them, and what was overdue at the start, can wait;
// all else shares frames with them, and so must not wait long, however much credit a worker comes
// with and however long the outage was. A frame takes as many of them as are carried out, at about
// this much each, in the time that the disk takes: few on a fast disk, enough on a slow one.
constexpr Span kUnhurriedCost = std::chrono::microseconds(15);
// Fewer than this would not be worth the frame: its sync and the threads that it wakes up.
constexpr int64_t kLeastUnhurried = 192;
constexpr int64_t kMostUnhurried = 512;
// What a frame takes to become durable is the disk's time, and about this much for each operation.
// If that were not left out, a frame that was long would make the next one longer.
constexpr Span kOperationCost = std::chrono::microseconds(25);
// Handles that are let go of in one turn, once they are applied, about: half a millisecond.
constexpr size_t kAppliedLimit = 1024;
// Replies and events that may wait for the disk before the shard takes no more work.
constexpr size_t kMaxWaiting = 32'768;
// The thread looks at the wall clock at least this often,
constexpr Span kLongestSleep = std::chrono::seconds(1);
// and writes down when it has been set by more than this.
constexpr Span kWallStep = std::chrono::milliseconds(100);

template <typename T>
T OrDie(absl::StatusOr<T> read) {
  if (!read.ok()) {
    LogFatal(absl::StrCat("reading the store: ", read.status().ToString()));
  }
  return *std::move(read);
}

int64_t OffsetOf(const clock::Reading& reading) { return reading.unix_ns - ToNanos(reading.now); }

}  // namespace

Reactor::Reactor(const ReactorOptions& options, const Recovered& recovered,
                 const clock::RealClock& clock, store::ShardLog& log, store::StateStore& state,
                 EventSink& sink)
    : options_(options),
      clock_(clock),
      inbox_(options.max_inbox),
      workers_inbox_(options.max_inbox),
      window_(options.shard.window),
      shard_(options.shard, recovered, clock.Read().now, state, sink),
      durable_(recovered.position.sequence()),
      applied_(recovered.position.sequence()),
      submitted_(recovered.position.sequence()),
      fires_left_(kFireLimit),
      unhurried_(kLeastUnhurried),
      unhurried_left_(kLeastUnhurried),
      anchored_offset_ns_(recovered.position.wall_ns() - recovered.position.time_ns()),
      committer_(options.committer, log, state, recovered.position.sequence(),
                 [this] { waker_.Wake(); }),
      thread_([this] { Loop(); }) {}

Reactor::~Reactor() {
  stopping_.store(true);
  waker_.Wake();
  thread_.join();
}

void Reactor::Post(Command command) {
  switch (InboxOf(command).Push(command, /*always=*/false)) {
    case Inbox::Pushed::kFirst:
      return waker_.Wake();
    case Inbox::Pushed::kMore:
      return;
    case Inbox::Pushed::kFull:
      return RefuseFull(command, options_.max_inbox);
  }
}

void Reactor::PostAlways(Command command) {
  if (InboxOf(command).Push(command, /*always=*/true) == Inbox::Pushed::kFirst) {
    waker_.Wake();
  }
}

Load Reactor::load() const {
  return {.inbox = inbox_.size() + workers_inbox_.size(),
          .inbox_most = std::max(inbox_.most(), workers_inbox_.most()),
          .frames = frames_.load(std::memory_order_relaxed),
          .operations = operations_.load(std::memory_order_relaxed),
          .residents = residents_.load(std::memory_order_relaxed),
          .resident_bytes = resident_bytes_.load(std::memory_order_relaxed),
          .unapplied_bytes = committer_.unapplied_bytes(),
          .window = window_.load(std::memory_order_relaxed),
          .loaded_ahead = loaded_ahead_.load(std::memory_order_relaxed),
          .pages = pages_.load(std::memory_order_relaxed),
          .late_pages = late_pages_.load(std::memory_order_relaxed)};
}

void Reactor::Loop() {
  NameThisThread(absl::StrCat("shard-", options_.shard.index));
  while (true) {
    const bool stopping = stopping_.load();
    if (Turn()) {
      continue;
    }
    if (stopping) {
      committer_.Want(submitted_);
    }
    if (stopping && shard_.waiting() == 0 && applied_ == submitted_) {
      if (reservations_written_) {
        return;
      }
      shard_.WriteReservations();
      reservations_written_ = true;
      continue;
    }
    const Instant now = shard_.reading().now;
    // While the shard waits for the disk there is nothing to wake up for: the committer wakes it.
    const bool blocked = shard_.waiting() >= kMaxWaiting || fires_left_ == 0;
    waker_.WaitUntil(
        clock_, blocked ? now + kLongestSleep : std::min(shard_.NextWake(), now + kLongestSleep));
  }
}

bool Reactor::Turn() {
  shard_.Begin(clock_.Read());
  const bool more_applied = TakeProgress();
  bool more = OrDie(shard_.LoadWindow());
  bool more_due = false;
  bool more_unhurried = false;
  if (shard_.waiting() < kMaxWaiting) {
    fires_left_ -= shard_.Fire(fires_left_);
    more_due = fires_left_ == 0;
    inbox_.Take(commands_);
    more |= !commands_.empty();
    for (Command& command : commands_) {
      shard_.Execute(std::move(command));
    }
    commands_.clear();
    more_unhurried = unhurried_left_ == 0 || DoUnhurried();
  } else {
    more = false;
  }
  OrDie(shard_.Forget());
  SubmitFrame();
  if (shard_.wanted() > wanted_) {
    wanted_ = shard_.wanted();
    committer_.Want(wanted_);
  }
  // Else the frame in flight wakes the thread.
  more |= more_applied || (more_due && fires_left_ > 0) || (more_unhurried && unhurried_left_ > 0);
  shard_.Release();
  Publish();
  return more;
}

void Reactor::Publish() {
  const LoadedWindow& window = shard_.window();
  residents_.store(shard_.residents(), std::memory_order_relaxed);
  resident_bytes_.store(shard_.resident_bytes(), std::memory_order_relaxed);
  window_.store(window.span, std::memory_order_relaxed);
  loaded_ahead_.store(shard_.LoadedUntil() - shard_.reading().now, std::memory_order_relaxed);
  pages_.store(window.pages, std::memory_order_relaxed);
  late_pages_.store(window.late_pages, std::memory_order_relaxed);
}

bool Reactor::DoUnhurried() {
  // What workers say first: it frees their credit.
  while (unhurried_left_ > 0) {
    if (next_from_workers_ == from_workers_.size()) {
      from_workers_.clear();
      next_from_workers_ = 0;
      workers_inbox_.Take(from_workers_);
      if (from_workers_.empty()) {
        break;
      }
    }
    shard_.Execute(std::move(from_workers_[next_from_workers_++]));
    --unhurried_left_;
  }
  if (shard_.HasBacklog()) {
    const size_t limit = (unhurried_left_ + 1) / 2;
    OrDie(shard_.FireOverdue(limit));
    unhurried_left_ -= limit;
  }
  const size_t limit = unhurried_left_;
  const size_t given = OrDie(shard_.Dispatch(limit));
  unhurried_left_ -= given;
  return shard_.HasBacklog() || given == limit;
}

bool Reactor::TakeProgress() {
  // In this order: the committer may go on in between, and what is applied is durable.
  const uint64_t applied = committer_.applied();
  const uint64_t durable = committer_.durable();
  while (durable_ < durable) {
    shard_.OnDurable(++durable_);
    const Span disk = shard_.reading().now - submitted_at_ - in_flight_ * kOperationCost;
    const int64_t bearable = std::clamp(disk / kUnhurriedCost, kLeastUnhurried, kMostUnhurried);
    unhurried_ += (bearable - unhurried_) / 4;  // one slow sync says little
  }
  for (size_t handles = 0; applied_ < applied && handles < kAppliedLimit;) {
    handles += shard_.OnApplied(++applied_);
  }
  return applied_ < applied;
}

void Reactor::SubmitFrame() {
  if (submitted_ != durable_) {
    return;  // the next frame gathers while this one is made durable
  }
  const size_t unapplied = committer_.unapplied_bytes();
  if (unapplied >= 2 * options_.committer.max_gathered) {
    return;  // what is in frames stays in memory
  }
  // Half as much while the index is behind: who waits for this frame waits for that.
  const int share = unapplied >= options_.committer.max_gathered ? 2 : 1;
  fires_left_ = kFireLimit / share;
  unhurried_left_ = static_cast<size_t>(std::max(unhurried_ / share, kLeastUnhurried));
  std::shared_ptr<const store::Frame> frame = shard_.TakeFrame();
  if (!frame && std::abs(OffsetOf(shard_.reading()) - anchored_offset_ns_) > kWallStep.count()) {
    frame = shard_.TakeFrameEvenEmpty();
  }
  if (frame) {
    anchored_offset_ns_ = frame->wall_ns() - frame->time_ns();
    submitted_ = frame->sequence();
    submitted_at_ = clock_.Read().now;
    in_flight_ = frame->operations_size();
    frames_.fetch_add(1, std::memory_order_relaxed);
    operations_.fetch_add(static_cast<uint64_t>(frame->operations_size()),
                          std::memory_order_relaxed);
    committer_.Submit(std::move(frame));
  }
}

}  // namespace timerd::reactor
