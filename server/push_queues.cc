#include "server/push_queues.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"

namespace timerd {

absl::Status PushQueues::Check(const v1::QueueSettings& settings) const {
  return settings.has_target() ? targets_.Check(settings.target(), "settings.target").status()
                               : absl::OkStatus();
}

void PushQueues::Apply(const std::shared_ptr<delivery::WorkQueue>& queue,
                       const v1::QueueSettings& settings) {
  const std::string target =
      settings.has_target() ? settings.target().SerializeAsString() : std::string();
  const MutexLock lock(mutex_);
  const auto found = by_queue_.find(queue->name());
  if (stopped_ || (found != by_queue_.end() && found->second.target == target)) {
    return;
  }
  if (found != by_queue_.end()) {
    found->second.queue->Leave(*found->second.member);
    found->second.worker->Stop();
    by_queue_.erase(found);
  }
  if (!settings.has_target()) {
    return;
  }
  const absl::StatusOr<push::TargetSettings> checked =
      targets_.Check(settings.target(), "settings.target");
  if (!checked.ok()) {
    // It was allowed once; --push-allow has changed since.
    LogWarning(
        absl::StrCat("queue \"", queue->name(), "\" is not pushed: ", checked.status().message()));
    return;
  }
  // The worker frees its credit through the place that it gets below.
  auto member = std::make_shared<std::shared_ptr<delivery::WorkQueue::Member>>();
  const auto worker = targets_.NewWorker(
      queue->name(), *checked,
      [this](std::string key, uint64_t lease, timer::Verdict verdict) {
        const absl::StatusOr<service::ShardPort> shard = router_.For(key);
        if (shard.ok()) {
          // A lease that is over needs no settlement.
          shard->port->PostAlways(reactor::Settle{std::move(key), lease, std::move(verdict),
                                                  [](const absl::StatusOr<reactor::Settled>&) {}});
        }
      },
      [queue, member] { queue->Free(**member); });
  // Without credit at first: nothing may come before `member` is set.
  *member = queue->Join(worker, {.name = "push", .peer = settings.target().url()});
  queue->SetCredit(**member, checked->max_concurrent);
  by_queue_.emplace(queue->name(), Pushed{target, queue, *member, worker});
}

void PushQueues::Stop() {
  std::map<std::string, Pushed> stopping;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    stopping.swap(by_queue_);
  }
  for (const auto& [name, pushed] : stopping) {
    pushed.queue->Leave(*pushed.member);
    pushed.worker->Stop();
  }
}

}  // namespace timerd
