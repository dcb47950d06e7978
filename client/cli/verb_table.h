// Every verb and flag there is: what the parser follows and the help prints.
#pragma once

#include "absl/types/span.h"
#include "client/cli/flags.h"

namespace timerd::cli {

absl::Span<const Verb> AllVerbs();
absl::Span<const Flag> GlobalFlags();

}  // namespace timerd::cli
