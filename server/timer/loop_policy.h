// What a loop was asked to do, as data.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "server/base/instant.h"
#include "server/timer/cron.h"

namespace timerd::timer {

enum class Pacing : uint8_t {
  kFixedRate,   // boundaries are origin + k * interval, or what cron matches
  kFixedDelay,  // one interval after the end of the last run
};

// What happens to ticks that were missed while a run was under way or the server was down.
struct MissedTicks {
  enum class Policy : uint8_t {
    kSkip,     // told by the count of the next tick, which keeps to the schedule
    kRunOnce,  // one tick at once for all of them
    kRunAll,   // one tick each, oldest first, within the bounds below
  };
  Policy policy = Policy::kSkip;
  uint32_t max_runs = 0;  // kRunAll: the latest so many; at least 1
  Span window{};          // kRunAll: no older than this; 0 for any age
  friend bool operator==(const MissedTicks&, const MissedTicks&) = default;
};

struct LoopPolicy {
  std::shared_ptr<const CronSchedule> cron;  // instead of an interval
  Pacing pacing = Pacing::kFixedRate;
  MissedTicks missed;
  std::optional<uint64_t> max_runs;  // at least 1
  std::optional<int64_t> until;      // Unix time in ns: no tick is due after it
  Span jitter{};                     // each tick is up to this much later
  friend bool operator==(const LoopPolicy&, const LoopPolicy&) = default;  // cron: the same object
};

// The name of the first field in which the two differ; nothing when they say the same.
std::optional<std::string> FindDifference(const LoopPolicy& a, const LoopPolicy& b);

}  // namespace timerd::timer
