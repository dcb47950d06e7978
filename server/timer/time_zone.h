// Time zones by name, from the system's tzdata.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace timerd::timer {

// The zone with the IANA name `name`; UTC when it is empty. The first use of a name reads its file;
// Abseil keeps what was read for the life of the process, so an update of tzdata needs a restart.
// Errors: InvalidArgument with detail "cron.time_zone".
absl::StatusOr<absl::TimeZone> FindTimeZone(absl::string_view name);

}  // namespace timerd::timer
