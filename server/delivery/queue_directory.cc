#include "server/delivery/queue_directory.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"

namespace timerd::delivery {

std::shared_ptr<WorkQueue> QueueDirectory::FindOrMake(absl::string_view name) {
  const MutexLock lock(mutex_);
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) {
    return found->second;
  }
  if (by_name_.size() >= limits_.max_queues) {
    return nullptr;
  }
  auto queue = std::make_shared<WorkQueue>(std::string(name), limits_.each, wake_);
  by_name_.emplace(std::string(name), queue);
  return queue;
}

std::shared_ptr<WorkQueue> QueueDirectory::Find(absl::string_view name) const {
  const MutexLock lock(mutex_);
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<WorkQueue>> QueueDirectory::List(absl::string_view name_space,
                                                             absl::string_view after,
                                                             size_t max) const {
  const std::string prefix = HandleKey(name_space, "");
  std::vector<std::shared_ptr<WorkQueue>> queues;
  const MutexLock lock(mutex_);
  for (auto it = by_name_.upper_bound(HandleKey(name_space, after));
       it != by_name_.end() && absl::StartsWith(it->first, prefix) && queues.size() < max; ++it) {
    queues.push_back(it->second);
  }
  return queues;
}

std::vector<std::shared_ptr<WorkQueue>> QueueDirectory::All() const {
  std::vector<std::shared_ptr<WorkQueue>> queues;
  const MutexLock lock(mutex_);
  for (const auto& [name, queue] : by_name_) {
    queues.push_back(queue);
  }
  return queues;
}

absl::Status QueueDirectory::RefuseNew(absl::string_view name) const {
  return Refuse(Reason::kLimitExceeded,
                absl::StrCat("queue \"", IdOf(name),
                             "\" would be one more than --max-queues=", limits_.max_queues,
                             " allows; use one that is there, or raise the flag"),
                "max-queues");
}

}  // namespace timerd::delivery
