// All queues of a server, by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/base/mutex.h"
#include "server/delivery/work_queue.h"

namespace timerd::delivery {

struct DirectoryLimits {
  size_t max_queues = 10'000;
  QueueLimits each;
};

// Thread-safe. Queues are never forgotten while the server runs, so their number has a bound.
class QueueDirectory final : public reactor::QueueDirectory {
 public:
  QueueDirectory(const DirectoryLimits& limits, WorkQueue::Wake wake)
      : limits_(limits), wake_(std::move(wake)) {}

  std::shared_ptr<reactor::Queue> Get(absl::string_view name) override { return FindOrMake(name); }
  absl::Status RefuseNew(absl::string_view name) const override;

  // The queue `name`, namespace and queue; null if it is new and there are as many as there may be.
  std::shared_ptr<WorkQueue> FindOrMake(absl::string_view name);
  // Null if there is none.
  std::shared_ptr<WorkQueue> Find(absl::string_view name) const;
  // At most `max` queues of `name_space` whose names come after `after`, in their order.
  std::vector<std::shared_ptr<WorkQueue>> List(absl::string_view name_space,
                                               absl::string_view after, size_t max) const;
  std::vector<std::shared_ptr<WorkQueue>> All() const;

 private:
  const DirectoryLimits limits_;
  const WorkQueue::Wake wake_;
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<WorkQueue>, std::less<>> by_name_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace timerd::delivery
