// What queues were told to do, kept over restarts.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "server/base/mutex.h"
#include "server/delivery/queue_directory.h"
#include "server/service/queues_service.h"
#include "server/store/ordered_kv.h"

namespace timerd {

// Thread-safe.
class QueueSettingsFile final : public service::QueueSettingsStore {
 public:
  // Reads what `kv` holds. `kv` outlives the settings.
  static absl::StatusOr<std::unique_ptr<QueueSettingsFile>> Open(store::OrderedKv& kv,
                                                                 store::Durability durability);
  // Tells the queues of `queues` what was kept of them.
  absl::Status Apply(const service::Validator& validator, delivery::QueueDirectory& queues) const;
  // Begins the pushes that were asked for.
  void ApplyTargets(const delivery::QueueDirectory& queues, service::PushTargets& targets) const;

  absl::Status Put(const std::string& name, bool paused,
                   const v1::QueueSettings& settings) override;
  std::pair<bool, v1::QueueSettings> Get(const std::string& name) const override;

 private:
  QueueSettingsFile(store::OrderedKv& kv, store::Durability durability)
      : kv_(kv), durability_(durability) {}

  store::OrderedKv& kv_;
  const store::Durability durability_;
  mutable Mutex mutex_;
  std::map<std::string, std::pair<bool, v1::QueueSettings>> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace timerd
