// Points in time, read from flags and written for people.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"

namespace timerd::cli {

// RFC 3339 with Z or an offset; a blank may stand for the T and the seconds may be left out. A time
// without a zone is refused: the shell's zone and the server's need not be the same. The message of
// an error names the rule and the way out, but not the flag or the value.
absl::StatusOr<google::protobuf::Timestamp> ParseTimestamp(absl::string_view text);

absl::Time ToTime(const google::protobuf::Timestamp& timestamp);

// "2026-11-24 09:00:00.250" in `zone`, truncated to milliseconds.
std::string LocalTime(absl::Time time, absl::TimeZone zone);
std::string LocalTime(const google::protobuf::Timestamp& timestamp, absl::TimeZone zone);

// The size of `span` to about three digits, without its sign: "0.4 ms", "3.5 s", "4m 59s", "2d 3h".
std::string RoughSpan(absl::Duration span);

// "in 4m 59s", "4m 59s ago" or "now".
std::string Relative(const google::protobuf::Timestamp& when,
                     const google::protobuf::Timestamp& now);

// "0.4 ms late" or "on time".
std::string Lateness(const google::protobuf::Timestamp& deadline,
                     const google::protobuf::Timestamp& fired);

}  // namespace timerd::cli
