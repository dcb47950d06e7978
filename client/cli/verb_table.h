// Every verb and flag there is: what the parser follows and the help prints.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "client/cli/flags.h"

namespace timerd::cli {

struct VerbGroup {
  absl::string_view title;
  absl::Span<const Verb> verbs;
};

// In the order of the help.
absl::Span<const VerbGroup> VerbGroups();
// Those of all groups.
absl::Span<const Verb> AllVerbs();
absl::Span<const Flag> GlobalFlags();

// The rows, each group in the file table_<group>.cc.
absl::Span<const Verb> FollowingVerbs();
absl::Span<const Verb> ChangingVerbs();
absl::Span<const Verb> LoopVerbs();
absl::Span<const Verb> LookingVerbs();
absl::Span<const Verb> QueueVerbs();
absl::Span<const Verb> ClockVerbs();

}  // namespace timerd::cli
