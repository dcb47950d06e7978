#include "server/timer/local_runs.h"

#include <algorithm>
#include <limits>

namespace timerd::timer {
namespace {

// Longer than clocks have ever been put back: crossing the date line takes a day.
constexpr int64_t kLookBackSeconds = 3 * 86'400;

// What clocks show at a moment.
int64_t LocalAt(const absl::TimeZone& zone, int64_t unix_s) {
  return unix_s + zone.At(absl::FromUnixSeconds(unix_s)).offset;
}

// The moment after `unix_s` from which on the zone may have another offset.
int64_t NextChange(const absl::TimeZone& zone, int64_t unix_s) {
  absl::TimeZone::CivilTransition change;
  if (!zone.NextTransition(absl::FromUnixSeconds(unix_s), &change)) {
    return std::numeric_limits<int64_t>::max();
  }
  return absl::ToUnixSeconds(zone.At(change.to).trans);
}

}  // namespace

void VisitLocalRuns(const absl::TimeZone& zone, LocalTimes times, int64_t after, int64_t through,
                    absl::FunctionRef<bool(const LocalRun&)> visit) {
  // Clocks that were put back shortly before `after` may still show times that have come already.
  int64_t begin = after + 1 - kLookBackSeconds;
  int64_t come = LocalAt(zone, begin) - 1;  // the last local time that has come
  while (begin <= through) {
    const int64_t shown = LocalAt(zone, begin);
    const int64_t offset = shown - begin;
    if (times == LocalTimes::kAsShown) {
      come = shown - 1;
    }
    if (shown > come + 1) {
      if (begin > after && !visit({come, shown, offset, begin})) {
        return;
      }
      come = shown;
    }
    const int64_t end = NextChange(zone, begin);
    const int64_t last = std::min(end - 1, through) + offset;
    const int64_t first_after = std::max(come, after + offset);
    if (first_after < last && !visit({first_after, last, offset, std::nullopt})) {
      return;
    }
    come = std::max(come, last);
    begin = end;
  }
}

}  // namespace timerd::timer
