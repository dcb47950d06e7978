// `timerctl --help` and `timerctl VERB --help`, within 80 columns.
#pragma once

#include <string>

#include "absl/types/span.h"
#include "client/cli/flags.h"
#include "client/cli/verb_table.h"

namespace timerd::cli {

std::string MainHelp(absl::Span<const VerbGroup> groups, absl::Span<const Flag> global_flags);
std::string VerbHelp(const Verb& verb, absl::Span<const Flag> global_flags);

}  // namespace timerd::cli
