#include "server/push/push_worker.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "server/push/occurrence_message.h"

namespace timerd::push {
namespace {

// A wait for the rate that is longer than this part of the time-out extends the lease, which is a
// write: short ones come out of what the lease has to spare.
constexpr int kShortWait = 10;
// A target is called evenly: what it can take at once nobody has said.
constexpr Span kBurst = std::chrono::milliseconds(10);
constexpr Span kLongestExtension = std::chrono::hours(24);

}  // namespace

PushWorker::PushWorker(PushWorkerOptions options, std::shared_ptr<Sender> sender, Alarms& alarms,
                       Settle settle, Free free)
    : options_(std::move(options)),
      sender_(std::move(sender)),
      alarms_(alarms),
      settle_(std::move(settle)),
      free_(std::move(free)),
      rate_(Rate::PerSecond(options_.max_per_second, kBurst)) {}

void PushWorker::Deliver(reactor::Occurrence occurrence) {
  Lease lease(occurrence.key, occurrence.lease);
  bool stopped = false;
  Span wait{};
  {
    MutexLock lock(mutex_);
    stopped = stopped_;
    if (!stopped) {
      const Instant now = alarms_.Now();
      wait = bucket_.ReadyAfter(now, static_cast<int64_t>(waiting_.size()), rate_) - now;
      waiting_.emplace(++last_place_, lease);
      owed_[lease] = {.waiting = std::move(occurrence), .place = last_place_};
    }
  }
  if (stopped) {
    settle_(std::move(lease.first), lease.second, timer::Release());
    return;
  }
  if (wait > options_.timeout / kShortWait) {
    settle_(std::move(lease.first), lease.second,
            timer::Extend{std::min(wait + options_.timeout, kLongestExtension)});
  }
  Pump();
}

void PushWorker::OnLeaseOver(absl::string_view key, uint64_t lease, bool) {
  std::shared_ptr<Call> call;
  {
    MutexLock lock(mutex_);
    const auto owed = owed_.find(Lease(key, lease));
    if (owed != owed_.end()) {
      // Not by our settlement: whatever the call's answer is, nobody waits for it.
      if (owed->second.waiting) {
        waiting_.erase(owed->second.place);
      }
      call = std::move(owed->second.call);
      owed_.erase(owed);
    }
  }
  if (call != nullptr) {
    call->Abort();
  }
  if (free_ != nullptr) {
    free_();
  }
}

void PushWorker::Stop() {
  absl::flat_hash_map<Lease, Delivery> owed;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    owed.swap(owed_);
    waiting_.clear();
  }
  for (auto& [lease, delivery] : owed) {
    if (delivery.call != nullptr) {
      delivery.call->Abort();
    }
    settle_(lease.first, lease.second, timer::Release());
  }
}

void PushWorker::Pump() {
  while (const std::optional<Begin> begin = TakeNext()) {
    Carry(*begin);
  }
}

std::optional<PushWorker::Begin> PushWorker::TakeNext() {
  MutexLock lock(mutex_);
  if (waiting_.empty() || running_ >= options_.max_concurrent) {
    return std::nullopt;
  }
  const Instant now = alarms_.Now();
  if (const Span wait = bucket_.Take(now, rate_); wait > Span::zero()) {
    SetAlarm(now + wait);
    return std::nullopt;
  }
  ++running_;
  const auto first = waiting_.begin();
  Begin begin{std::move(first->second), {}};
  waiting_.erase(first);
  Delivery& delivery = owed_.at(begin.lease);
  begin.occurrence = *std::move(delivery.waiting);
  delivery.waiting.reset();
  return begin;
}

void PushWorker::SetAlarm(Instant when) {
  if (!alarm_set_) {
    alarm_set_ = true;
    alarms_.At(when, [weak = weak_from_this()] {
      if (const auto self = weak.lock(); self != nullptr) {
        self->OnAlarm();
      }
    });
  }
}

void PushWorker::OnAlarm() {
  {
    MutexLock lock(mutex_);
    alarm_set_ = false;
  }
  Pump();
}

void PushWorker::Carry(const Begin& begin) {
  std::shared_ptr<Call> call =
      sender_->Send(ToRequest(options_.queue, begin.occurrence),
                    [self = shared_from_this(), lease = begin.lease](timer::Verdict verdict) {
                      self->OnDone(lease, std::move(verdict));
                    });
  {
    MutexLock lock(mutex_);
    const auto owed = owed_.find(begin.lease);
    if (owed != owed_.end()) {
      owed->second.call = std::move(call);
      return;
    }
  }
  // Over while it began, or answered already.
  call->Abort();
}

void PushWorker::OnDone(const Lease& lease, timer::Verdict verdict) {
  bool owed = false;
  {
    MutexLock lock(mutex_);
    --running_;
    owed = owed_.erase(lease) > 0;
  }
  if (owed) {
    settle_(lease.first, lease.second, std::move(verdict));
  }
  Pump();
}

}  // namespace timerd::push
