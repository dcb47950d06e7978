#include "server/timer/loop_policy.h"

namespace timerd::timer {

std::optional<std::string> FindDifference(const LoopPolicy& a, const LoopPolicy& b) {
  const bool same_cron =
      a.cron == nullptr || b.cron == nullptr ? a.cron == b.cron : *a.cron == *b.cron;
  if (!same_cron) {
    return "cron";
  }
  if (a.pacing != b.pacing) {
    return "pacing";
  }
  if (a.missed != b.missed) {
    return "missed_ticks";
  }
  if (a.max_runs != b.max_runs) {
    return "max_runs";
  }
  if (a.until != b.until) {
    return "until";
  }
  if (a.jitter != b.jitter) {
    return "jitter";
  }
  return std::nullopt;
}

}  // namespace timerd::timer
