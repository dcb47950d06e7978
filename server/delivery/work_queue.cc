#include "server/delivery/work_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"

namespace timerd::delivery {

// Guarded by the queue's mutex, all of it.
class WorkQueue::Member : public std::enable_shared_from_this<WorkQueue::Member> {
 public:
  std::shared_ptr<reactor::Worker> worker;
  MemberInfo info;
  bool in_turn = false;  // among turns_
  bool held = false;
  bool retired = false;

  bool has_credit() const { return !held && !retired && info.in_flight < info.credit; }
};

std::shared_ptr<WorkQueue::Member> WorkQueue::Join(std::shared_ptr<reactor::Worker> worker,
                                                   MemberInfo info) {
  auto member = std::make_shared<Member>();
  std::vector<uint32_t> woken;
  {
    const MutexLock lock(mutex_);
    member->worker = std::move(worker);
    member->info = std::move(info);
    members_.push_back(member);
    Offer(member);
    woken = TakeAsleep();
  }
  WakeAll(woken);
  return member;
}

void WorkQueue::SetCredit(Member& member, uint32_t credit) {
  std::vector<uint32_t> woken;
  {
    const MutexLock lock(mutex_);
    member.info.credit = credit;
    Offer(member.shared_from_this());
    woken = TakeAsleep();
  }
  WakeAll(woken);
}

void WorkQueue::Free(Member& member) {
  std::vector<uint32_t> woken;
  {
    const MutexLock lock(mutex_);
    --member.info.in_flight;
    Offer(member.shared_from_this());
    woken = TakeAsleep();
  }
  WakeAll(woken);
}

void WorkQueue::Hold(Member& member, bool held) {
  std::vector<uint32_t> woken;
  {
    const MutexLock lock(mutex_);
    if (member.held == held) {
      return;
    }
    member.held = held;
    Offer(member.shared_from_this());
    woken = TakeAsleep();
  }
  WakeAll(woken);
}

void WorkQueue::Retire(Member& member) {
  const MutexLock lock(mutex_);
  member.retired = true;
}

size_t WorkQueue::InFlight(const Member& member) const {
  const MutexLock lock(mutex_);
  return member.info.in_flight;
}

void WorkQueue::Leave(Member& member) {
  const MutexLock lock(mutex_);
  member.retired = true;
  member.worker.reset();
  std::erase_if(members_, [&member](const auto& each) { return each.get() == &member; });
}

void WorkQueue::Offer(const std::shared_ptr<Member>& member) {
  if (member->has_credit() && !member->in_turn) {
    member->in_turn = true;
    turns_.push_back(member);
  }
}

std::vector<uint32_t> WorkQueue::TakeAsleep() {
  if (settings_.paused || turns_.empty()) {
    return {};
  }
  std::vector<uint32_t> shards(asleep_.begin(), asleep_.end());
  asleep_.clear();
  return shards;
}

void WorkQueue::WakeAll(const std::vector<uint32_t>& shards) {
  for (const uint32_t shard : shards) {
    wake_(name_, shard);
  }
}

void WorkQueue::Configure(const QueueSettings& settings) {
  std::vector<uint32_t> woken;
  {
    const MutexLock lock(mutex_);
    settings_ = settings;
    woken = TakeAsleep();
  }
  WakeAll(woken);
}

QueueSettings WorkQueue::settings() const {
  const MutexLock lock(mutex_);
  return settings_;
}

std::vector<WorkQueue::MemberInfo> WorkQueue::Members() const {
  const MutexLock lock(mutex_);
  std::vector<MemberInfo> infos;
  for (const std::shared_ptr<Member>& member : members_) {
    infos.push_back(member->info);
  }
  return infos;
}

WorkQueue::Counts WorkQueue::counts() const {
  return {scheduled_.load(std::memory_order_relaxed), waiting_.load(std::memory_order_relaxed),
          leased_.load(std::memory_order_relaxed), dead_letters_.load(std::memory_order_relaxed)};
}

std::shared_ptr<reactor::Worker> WorkQueue::Claim(uint32_t shard) {
  const MutexLock lock(mutex_);
  while (!settings_.paused && !turns_.empty()) {
    const std::shared_ptr<Member> member = std::move(turns_.front());
    turns_.pop_front();
    member->in_turn = false;
    if (member->has_credit()) {
      ++member->info.in_flight;
      Offer(member);  // behind the others
      return member->worker;
    }
  }
  asleep_.insert(shard);
  return nullptr;
}

timer::DeliveryPolicy WorkQueue::policy() const {
  const MutexLock lock(mutex_);
  return settings_.policy;
}

void WorkQueue::Count(int scheduled, int waiting, int leased, int dead_letters) {
  scheduled_.fetch_add(scheduled, std::memory_order_relaxed);
  waiting_.fetch_add(waiting, std::memory_order_relaxed);
  leased_.fetch_add(leased, std::memory_order_relaxed);
  dead_letters_.fetch_add(dead_letters, std::memory_order_relaxed);
}

QueueLimits WorkQueue::Limits() const {
  const MutexLock lock(mutex_);
  return {.max_backlog = settings_.max_backlog > 0 ? settings_.max_backlog : limits_.max_backlog,
          .max_pending = settings_.max_pending > 0 ? settings_.max_pending : limits_.max_pending,
          .max_rate = settings_.max_rate > 0 ? settings_.max_rate : limits_.max_rate};
}

bool WorkQueue::TrySchedule(int64_t max) {
  int64_t scheduled = scheduled_.load(std::memory_order_relaxed);
  do {
    if (scheduled >= max) {
      return false;
    }
  } while (!scheduled_.compare_exchange_weak(scheduled, scheduled + 1, std::memory_order_relaxed));
  return true;
}

absl::Status WorkQueue::Admit(Instant now, bool in_place) {
  const QueueLimits limits = Limits();
  const int64_t waiting = waiting_.load(std::memory_order_relaxed);
  if (waiting >= static_cast<int64_t>(limits.max_backlog)) {
    return RetryAfter(
        kRetryLater,
        Refuse(Reason::kLimitExceeded,
               absl::StrCat("queue \"", IdOf(name_), "\" has ", waiting,
                            " occurrences waiting, as many as its max_backlog or --max-backlog "
                            "allows; start more workers, or try again later"),
               "max-backlog"));
  }
  const Rate rate = Rate::PerSecond(limits.max_rate);
  if (const Span wait = creations_.Take(now, rate); wait > Span::zero()) {
    return RetryAfter(
        wait,
        Refuse(Reason::kLimitExceeded,
               absl::StrCat("queue \"", IdOf(name_), "\" is above ", limits.max_rate,
                            " new handles per second, its max_rate or --max-rate-per-queue; make "
                            "fewer, wait, or raise the limit"),
               "max-rate-per-queue"));
  }
  if (in_place) {
    scheduled_.fetch_add(1, std::memory_order_relaxed);
  } else if (!TrySchedule(static_cast<int64_t>(limits.max_pending))) {
    creations_.GiveBack(rate);
    return RetryAfter(
        kRetryLater,
        Refuse(Reason::kLimitExceeded,
               absl::StrCat("queue \"", IdOf(name_), "\" has ", limits.max_pending,
                            " handles that are not due yet, as many as its max_pending or "
                            "--max-pending-per-queue allows; cancel some, wait for some to be due, "
                            "or raise the limit"),
               "max-pending-per-queue"));
  }
  return absl::OkStatus();
}

void WorkQueue::Withdraw() {
  creations_.GiveBack(Rate::PerSecond(Limits().max_rate));
  scheduled_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace timerd::delivery
