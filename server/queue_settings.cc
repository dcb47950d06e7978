#include "server/queue_settings.h"

#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/store/keys.h"
#include "timerd/storage/v1/storage.pb.h"

namespace timerd {

absl::StatusOr<std::unique_ptr<QueueSettingsFile>> QueueSettingsFile::Open(
    store::OrderedKv& kv, store::Durability durability) {
  std::unique_ptr<QueueSettingsFile> file(new QueueSettingsFile(kv, durability));
  const MutexLock lock(file->mutex_);
  const store::KeyRange range = store::SettingsRange();
  absl::Status status;
  TIMERD_RETURN_IF_ERROR(
      kv.Scan(range.first, range.last, [&](absl::string_view key, absl::string_view value) {
        const std::optional<std::string> name = store::SettingsName(key);
        storage::v1::QueueSettings stored;
        v1::QueueSettings settings;
        if (!name || !stored.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
            !settings.ParseFromString(stored.settings())) {
          status = absl::DataLossError(
              absl::StrCat("the settings under key ", absl::BytesToHexString(key),
                           " are malformed; restore the data directory from a backup, or move it "
                           "away and start empty"));
          return false;
        }
        file->kept_[*name] = {stored.paused(), std::move(settings)};
        return true;
      }));
  TIMERD_RETURN_IF_ERROR(status);
  return file;
}

absl::Status QueueSettingsFile::Apply(const service::Validator& validator,
                                      delivery::QueueDirectory& queues) const {
  const MutexLock lock(mutex_);
  for (const auto& [name, kept] : kept_) {
    TIMERD_ASSIGN_OR_RETURN(
        delivery::QueueSettings settings,
        validator.ToSettings(absl::StrCat("queue \"", name, "\""), kept.second));
    settings.paused = kept.first;
    if (const auto queue = queues.FindOrMake(name)) {
      queue->Configure(settings);
    }
  }
  return absl::OkStatus();
}

void QueueSettingsFile::ApplyTargets(const delivery::QueueDirectory& queues,
                                     service::PushTargets& targets) const {
  const MutexLock lock(mutex_);
  for (const auto& [name, kept] : kept_) {
    const auto queue = queues.Find(name);
    if (queue != nullptr && kept.second.has_target()) {
      targets.Apply(queue, kept.second);
    }
  }
}

absl::Status QueueSettingsFile::Put(const std::string& name, bool paused,
                                    const v1::QueueSettings& settings) {
  storage::v1::QueueSettings stored;
  stored.set_paused(paused);
  stored.set_settings(settings.SerializeAsString());
  store::WriteBatch batch;
  batch.Put(store::SettingsKey(name), stored.SerializeAsString());
  const MutexLock lock(mutex_);
  TIMERD_RETURN_IF_ERROR(kv_.Write(batch, durability_));
  kept_[name] = {paused, settings};
  return absl::OkStatus();
}

std::pair<bool, v1::QueueSettings> QueueSettingsFile::Get(const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto found = kept_.find(name);
  return found == kept_.end() ? std::pair<bool, v1::QueueSettings>() : found->second;
}

}  // namespace timerd
