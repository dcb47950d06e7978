// The worker of a queue that has a push target: for each delivery one outgoing call.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "server/base/mutex.h"
#include "server/base/token_bucket.h"
#include "server/push/alarms.h"
#include "server/push/sender.h"
#include "server/reactor/work.h"

namespace timerd::push {

struct PushWorkerOptions {
  std::string queue;                        // its full name, "billing/mail"
  uint32_t max_concurrent = 16;             // the credit that it has in its queue
  double max_per_second = 0;                // 0: no limit
  Span timeout = std::chrono::seconds(30);  // of a call, and the lease
};

// Thread-safe. Both callbacks come without a lock held, on any thread that tells the worker
// something: inside Deliver(), OnLeaseOver() and Stop() too, so they must not block.
class PushWorker final : public reactor::Worker, public std::enable_shared_from_this<PushWorker> {
 public:
  // Settles a lease. Exactly once for each Deliver() whose lease is not over before; besides, an
  // Extend may come for one that the rate makes wait.
  using Settle =
      absl::AnyInvocable<void(std::string key, uint64_t lease, timer::Verdict verdict) const>;
  // One credit is free again: once for each OnLeaseOver(). May be null.
  using Free = absl::AnyInvocable<void() const>;

  // `alarms` outlives this. To be made by std::make_shared().
  PushWorker(PushWorkerOptions options, std::shared_ptr<Sender> sender, Alarms& alarms,
             Settle settle, Free free);

  void Deliver(reactor::Occurrence occurrence) override;
  // A call that goes on still is broken off, and its answer ignored.
  void OnLeaseOver(absl::string_view key, uint64_t lease, bool revoked) override;

  // Breaks off all calls, and releases what is not settled, and what is delivered from now on. Does
  // not wait: the calls end soon after. May be called again.
  void Stop();

  const PushWorkerOptions& options() const { return options_; }

 private:
  using Lease = std::pair<std::string, uint64_t>;  // key and lease
  struct Delivery {
    std::optional<reactor::Occurrence> waiting;  // not begun
    uint64_t place = 0;                          // its place in `waiting_`
    std::shared_ptr<Call> call;                  // begun; null until Send() has returned
  };
  struct Begin {
    Lease lease;
    reactor::Occurrence occurrence;
  };

  // Begins what may begin now.
  void Pump();
  std::optional<Begin> TakeNext();
  void SetAlarm(Instant when) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnAlarm();
  void Carry(const Begin& begin);
  void OnDone(const Lease& lease, timer::Verdict verdict);

  const PushWorkerOptions options_;
  const std::shared_ptr<Sender> sender_;
  Alarms& alarms_;
  const Settle settle_;
  const Free free_;
  const Rate rate_;

  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  TokenBucket bucket_;
  bool alarm_set_ ABSL_GUARDED_BY(mutex_) = false;
  uint32_t running_ ABSL_GUARDED_BY(mutex_) = 0;  // calls that have not ended, wanted or not
  uint64_t last_place_ ABSL_GUARDED_BY(mutex_) = 0;
  // What is owed a settlement.
  absl::flat_hash_map<Lease, Delivery> owed_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, Lease> waiting_ ABSL_GUARDED_BY(mutex_);  // by place, those not begun
};

}  // namespace timerd::push
