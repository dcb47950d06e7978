// One queue: its workers, whose turn it is, and what the whole server has in it.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/base/mutex.h"
#include "server/base/token_bucket.h"
#include "server/reactor/work.h"

namespace timerd::delivery {

// What a queue was told to do.
struct QueueSettings {
  bool paused = false;
  timer::DeliveryPolicy policy;  // 0: the default
  // 0: the server's.
  uint64_t max_backlog = 0;
  uint64_t max_pending = 0;
  uint32_t max_rate = 0;
};

// What may be in one queue that was told nothing else.
struct QueueLimits {
  uint64_t max_backlog = 100'000'000;  // occurrences that wait
  uint64_t max_pending = 100'000'000;  // handles that are not due yet
  uint32_t max_rate = 0;               // new handles per second; 0: no limit
};

// Thread-safe. Shards claim, workers come and go; each call is a few steps under one lock.
class WorkQueue final : public reactor::Queue {
 public:
  // `wake(name, shard)` tells a shard that it may claim again; called without a lock held.
  using Wake = std::function<void(const std::string& name, uint32_t shard)>;

  WorkQueue(std::string name, const QueueLimits& limits, Wake wake)
      : name_(std::move(name)), limits_(limits), wake_(std::move(wake)) {}

  // A worker's place in the queue.
  class Member;
  struct MemberInfo {
    std::string name;
    std::string peer;
    Instant since;
    uint32_t credit = 0;
    uint32_t in_flight = 0;
  };

  // `worker` takes part from now on, with the credit of `info`.
  std::shared_ptr<Member> Join(std::shared_ptr<reactor::Worker> worker, MemberInfo info);
  void SetCredit(Member& member, uint32_t credit);
  // One of what it was given is over.
  void Free(Member& member);
  // It is given nothing for the time being, whatever its credit.
  void Hold(Member& member, bool held);
  // It is given no more; what it has been given still counts.
  void Retire(Member& member);
  // What it has been given and is not over, claims that are on their way to it included.
  size_t InFlight(const Member& member) const;
  // It is gone.
  void Leave(Member& member);

  void Configure(const QueueSettings& settings);
  QueueSettings settings() const;
  // In the order in which they came.
  std::vector<MemberInfo> Members() const;

  struct Counts {
    int64_t scheduled = 0;
    int64_t waiting = 0;
    int64_t leased = 0;
    int64_t dead_letters = 0;
  };
  Counts counts() const;
  const std::string& name() const { return name_; }

  // ---- For shards ----
  std::shared_ptr<reactor::Worker> Claim(uint32_t shard) override;
  timer::DeliveryPolicy policy() const override;
  void Count(int scheduled, int waiting, int leased, int dead_letters) override;
  absl::Status Admit(Instant now, bool in_place) override;
  void Withdraw() override;

 private:
  // The limits that hold now.
  QueueLimits Limits() const;
  // Counts one more as scheduled, unless `max` are: never more, however many shards ask at once.
  bool TrySchedule(int64_t max);
  // Puts a member with credit in line for its turn.
  void Offer(const std::shared_ptr<Member>& member) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The shards to wake, if any of them can be given something.
  std::vector<uint32_t> TakeAsleep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeAll(const std::vector<uint32_t>& shards);

  const std::string name_;
  const QueueLimits limits_;
  const Wake wake_;
  TokenBucket creations_;
  std::atomic<int64_t> scheduled_{0};
  std::atomic<int64_t> waiting_{0};
  std::atomic<int64_t> leased_{0};
  std::atomic<int64_t> dead_letters_{0};

  mutable Mutex mutex_;
  QueueSettings settings_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Member>> members_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<Member>> turns_ ABSL_GUARDED_BY(mutex_);  // each at most once
  absl::flat_hash_set<uint32_t> asleep_ ABSL_GUARDED_BY(mutex_);       // shards
};

}  // namespace timerd::delivery
