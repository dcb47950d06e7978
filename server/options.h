// What the server can be told: every flag, with its default.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/instant.h"
#include "server/delivery/queue_directory.h"
#include "server/manual_namespaces.h"
#include "server/memory_plan.h"
#include "server/reactor/disk_room.h"
#include "server/reactor/reactor.h"
#include "server/service/queues_service.h"
#include "server/service/timers_service.h"

namespace timerd {

enum class DurabilityMode {
  kSync,  // a reply means: survives power loss
  kOs,    // survives kill -9
  kNone,  // in RAM only
};

enum class ClockMode {
  kReal,
  kManual,  // stands still until it is told to go on, one for each namespace
};

struct Options {
  std::string listen = "127.0.0.1:7400";
  std::string http = "127.0.0.1:7480";  // empty: no HTTP
  std::string data_dir = "timerd-data";
  DurabilityMode durability = DurabilityMode::kSync;
  ClockMode clock = ClockMode::kReal;
  uint32_t shards = 0;  // 0: as the data directory has it, or one per core for a new one
  Span drain_timeout = std::chrono::seconds(3);
  reactor::DiskReserve min_free_disk{.percent = 5};
  uint64_t memory_budget = kDefaultMemoryBudget;
  // What follows from the budget is of the whole server; each shard gets its part.
  reactor::ReactorOptions reactor;
  service::ServiceOptions service;
  delivery::DirectoryLimits queues;
  service::QueuesOptions queues_service;  // its limits are the service's
  ManualNamespacesOptions manual;         // its shard is the reactor's
  std::string push_allow;                 // URL prefixes with commas between them; empty: no push
  std::string push_secret_file;           // empty: unsigned

  // Not serving but asking: --check-health, --help, --version.
  std::string check_health;
};

// Reads the command line, then TIMERD_... from the environment, then --config. On --help, --version
// or an error it has printed what there is to say and returns the exit code.
struct Parsed {
  Options options;
  int exit_code = -1;  // -1: go on
};
Parsed ParseOptions(int argc, char** argv);

}  // namespace timerd
