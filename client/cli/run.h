// timerctl, without the process around it.
#pragma once

#include <ostream>
#include <string>

#include "absl/types/span.h"
#include "client/cli/human.h"

namespace timerd::cli {

// What the process knows about its surroundings.
struct Surroundings {
  std::string server;          // TIMERD_SERVER; empty when unset.
  std::string namespace_name;  // TIMERD_NAMESPACE; empty when unset.
  HumanText human = HumanText(absl::UTCTimeZone(), false);
};

// Does what `words`, the command line without the program's name, ask for. Returns the exit code.
int Run(absl::Span<const std::string> words, const Surroundings& surroundings, std::ostream& out,
        std::ostream& err);

}  // namespace timerd::cli
