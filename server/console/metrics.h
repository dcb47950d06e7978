// The numbers of a server as Prometheus reads them. docs/operations.md explains each.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/reactor/disk_room.h"
#include "server/reactor/load.h"
#include "server/reactor/usage.h"
#include "server/service/call_counts.h"

namespace timerd::console {

// A limit as it is configured: timerd_<thing>_limit.
struct Limit {
  std::string name;
  std::string help;
  double value = 0;
};

// What is in a queue now.
struct QueueReading {
  std::string name_space;
  std::string name;
  int64_t scheduled = 0;
  int64_t waiting = 0;
  int64_t leased = 0;
  int64_t dead_letters = 0;
  int64_t workers = 0;
};

// What is counted elsewhere, and read when somebody asks.
struct Sources {
  std::string version;
  std::vector<Limit> limits;
  const reactor::UsageRegistry* usage;
  const service::CallCounts* calls;
  std::function<size_t()> streams;
  std::function<size_t()> feed_streams;
  std::function<std::vector<reactor::Load>()> shards;
  std::function<std::vector<QueueReading>()> queues;
  const reactor::DiskRoom* disk = nullptr;  // null: there is none
};

// All metrics in Prometheus' text format, version 0.0.4. Any thread.
std::string MetricsText(const Sources& sources);

}  // namespace timerd::console
