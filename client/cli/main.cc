// timerctl: see docs/timerctl.md, or timerctl --help.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/run.h"

namespace {

absl::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? absl::string_view() : absl::string_view(value);
}

// https://no-color.org
bool WantsColour() {
  return isatty(STDOUT_FILENO) == 1 && Environment("NO_COLOR").empty() &&
         Environment("TERM") != "dumb";
}

}  // namespace

int main(int argc, char** argv) {
  // gRPC's own log lines tell users nothing that timerctl does not; GRPC_VERBOSITY brings them
  // back.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  timerd::cli::Surroundings surroundings;
  surroundings.server = std::string(Environment("TIMERD_SERVER"));
  surroundings.namespace_name = std::string(Environment("TIMERD_NAMESPACE"));
  surroundings.human = timerd::cli::HumanText(absl::LocalTimeZone(), WantsColour());
  return timerd::cli::Run(std::vector<std::string>(argv + 1, argv + argc), surroundings, std::cout,
                          std::cerr);
}
