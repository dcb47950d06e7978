// Which queues are pushed to targets.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/base/mutex.h"
#include "server/delivery/queue_directory.h"
#include "server/push/targets.h"
#include "server/service/queues_service.h"
#include "server/service/router.h"

namespace timerd {

// Thread-safe.
class PushQueues final : public service::PushTargets {
 public:
  // `router` outlives this.
  PushQueues(push::TargetsOptions options, service::Router& router)
      : targets_(std::move(options)), router_(router) {}
  // REQUIRES: Stop().
  ~PushQueues() override = default;

  absl::Status Check(const v1::QueueSettings& settings) const override;
  void Apply(const std::shared_ptr<delivery::WorkQueue>& queue,
             const v1::QueueSettings& settings) override;
  // Breaks off all calls, and releases what they were for.
  void Stop();

 private:
  struct Pushed {
    std::string target;  // serialized
    std::shared_ptr<delivery::WorkQueue> queue;
    std::shared_ptr<delivery::WorkQueue::Member> member;
    std::shared_ptr<push::PushWorker> worker;
  };

  push::Targets targets_;
  service::Router& router_;
  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Pushed> by_queue_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace timerd
