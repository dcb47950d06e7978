// What `timerctl work` is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace timerd::cli {

struct WorkOptions {
  std::string queue;
  uint32_t credit = 1;
  std::string name;
  std::optional<uint64_t> count;     // Stop after this many.
  std::vector<std::string> command;  // Empty: print and complete.
};

}  // namespace timerd::cli
