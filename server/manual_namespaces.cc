#include "server/manual_namespaces.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/store/keys.h"
#include "server/store/kv_shard_log.h"
#include "server/store/kv_state_store.h"

namespace timerd {

absl::StatusOr<std::unique_ptr<ManualNamespaces>> ManualNamespaces::Open(
    const ManualNamespacesOptions& options, store::OrderedKv& kv, store::Durability durability) {
  std::vector<std::pair<std::string, uint32_t>> known;
  const store::KeyRange range = store::ClockRange();
  absl::Status status;
  TIMERD_RETURN_IF_ERROR(
      kv.Scan(range.first, range.last, [&](absl::string_view key, absl::string_view value) {
        uint32_t index = 0;
        const std::optional<std::string> name = store::ClockName(key);
        if (!name || !absl::SimpleAtoi(value, &index)) {
          status = absl::DataLossError(
              absl::StrCat("clock key ", absl::BytesToHexString(key), " is malformed; restore the ",
                           "data directory from a backup, or move it away and start empty"));
          return false;
        }
        known.emplace_back(*name, index);
        return true;
      }));
  TIMERD_RETURN_IF_ERROR(status);
  std::unique_ptr<ManualNamespaces> namespaces(new ManualNamespaces(options, kv, durability));
  const MutexLock lock(namespaces->mutex_);
  for (const auto& [name, index] : known) {
    TIMERD_RETURN_IF_ERROR(namespaces->OpenShard(name, index));
  }
  // There from the start, and counted, as under the real clock.
  const std::string first(kDefaultNamespace);
  if (!namespaces->namespaces_.contains(first)) {
    TIMERD_RETURN_IF_ERROR(namespaces->Make(first));
  }
  return namespaces;
}

absl::Status ManualNamespaces::OpenShard(const std::string& name, uint32_t index) {
  Namespace opened;
  TIMERD_ASSIGN_OR_RETURN(opened.log, store::KvShardLog::Open(kv_, index, durability_));
  TIMERD_ASSIGN_OR_RETURN(opened.state, store::KvStateStore::Open(kv_, index));
  opened.attachments = std::make_unique<delivery::Attachments>();
  TIMERD_ASSIGN_OR_RETURN(const reactor::Recovered recovered,
                          reactor::Recover(*opened.log, *opened.state));
  // Nothing measures a gap: this time stood still meanwhile.
  const Instant now = recovered.position.sequence() > 0 ? recovered.reading().now : kBeginning;
  reactor::ShardOptions shard = options_.shard;
  shard.index = index;
  shard.is_virtual = true;
  opened.port = {
      &reactor_->Add(shard, recovered, now, *opened.log, *opened.state, *opened.attachments),
      opened.attachments.get()};
  next_index_ = std::max(next_index_, index + 1);
  namespaces_.emplace(name, std::move(opened));
  return absl::OkStatus();
}

absl::Status ManualNamespaces::Make(const std::string& name) {
  if (namespaces_.size() >= options_.max_namespaces) {
    return Refuse(Reason::kLimitExceeded,
                  absl::StrCat("namespace \"", name, "\" would be one more than --max-namespaces=",
                               options_.max_namespaces,
                               "; use one that is there, start another server, or raise the flag"),
                  "max-namespaces");
  }
  const uint32_t index = next_index_;
  store::WriteBatch batch;
  batch.Put(store::ClockKey(name), absl::StrCat(index));
  TIMERD_RETURN_IF_ERROR(kv_.Write(batch, durability_));
  return OpenShard(name, index);
}

absl::StatusOr<service::ShardPort> ManualNamespaces::For(absl::string_view key) {
  const std::string name(NamespaceOf(key));
  const MutexLock lock(mutex_);
  if (!namespaces_.contains(name)) {
    TIMERD_RETURN_IF_ERROR(Make(name));
  }
  return namespaces_.at(name).port;
}

absl::StatusOr<std::vector<service::ShardPort>> ManualNamespaces::AllOf(
    absl::string_view name_space) {
  TIMERD_ASSIGN_OR_RETURN(const service::ShardPort port, For(HandleKey(name_space, "")));
  return std::vector<service::ShardPort>{port};
}

}  // namespace timerd
