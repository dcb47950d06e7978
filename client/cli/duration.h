// Durations as people write them: "3.5s", "1h30m", "-250ms", "2d".
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/duration.pb.h"

namespace timerd::cli {

// An optional sign, then numbers with a unit each - d, h, m, s, ms, us, ns - the largest unit first
// and none twice. Exact: what would need less than a nanosecond is refused, as is a bare number and
// whatever google.protobuf.Duration cannot carry (10,000 years). Negative values are the caller's
// to judge. The message of an error names the rule and the way out, but not the flag or the value.
absl::StatusOr<google::protobuf::Duration> ParseDuration(absl::string_view text);

// The shortest form that ParseDuration() reads back to the same value: "1h30m", "250ms", "0s".
std::string FormatDuration(const google::protobuf::Duration& duration);

}  // namespace timerd::cli
