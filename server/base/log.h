// The server's log: one line per happening, on standard error.
#pragma once

#include "absl/strings/string_view.h"

namespace timerd {

// Each writes "<RFC 3339 UTC time> <level> <message>\n" in one write; any thread.
void LogInfo(absl::string_view message);
void LogWarning(absl::string_view message);
void LogError(absl::string_view message);

// Logs and ends the process with exit code 1. For failures after which no promise can be kept, such
// as a write that the disk refused: recovery is by restart.
[[noreturn]] void LogFatal(absl::string_view message);

}  // namespace timerd
