// How the clocks on the walls of a time zone run while time goes by: evenly, except where they are
// put forward or back. Local time is counted in seconds as in cron_fields.h.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"

namespace timerd::timer {

// Which local times come, and how often.
enum class LocalTimes {
  // As clocks show them: those that clocks skip do not come, those that they repeat come twice.
  kAsShown,
  // Each once: as clocks would show them that stand still until time has caught up, instead of
  // being put back. Those that are skipped all come at the moment of the change.
  kEachOnce,
};

// The local times in (after, last], none of which has come in an earlier run unless clocks repeat
// it, and when they come.
struct LocalRun {
  int64_t after = 0;
  int64_t last = 0;
  int64_t offset = 0;             // each comes at itself - offset, in Unix seconds,
  std::optional<int64_t> moment;  // unless they all come at this one
};

// Visits the runs of the Unix seconds in (after, through], in order, until `visit` returns false.
// A run each time the offset changes, and one for the local times that are skipped there.
void VisitLocalRuns(const absl::TimeZone& zone, LocalTimes times, int64_t after, int64_t through,
                    absl::FunctionRef<bool(const LocalRun&)> visit);

}  // namespace timerd::timer
