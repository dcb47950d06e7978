// The limits as metrics show them.
#pragma once

#include <vector>

#include "server/console/metrics.h"
#include "server/options.h"

namespace timerd {

// A gauge for each limit that a flag sets, whose help names the flag.
// `plan` is what has become of --memory-budget.
std::vector<console::Limit> LimitGauges(const Options& options, const MemoryPlan& plan);

}  // namespace timerd
