// Between absl's time and protobuf's.
#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace timerd {
inline namespace client {

// Rounds up to whole nanoseconds, as nothing may be early. What does not fit into a Duration is
// sent as one that the server refuses with a clear message.
inline google::protobuf::Duration ToProto(absl::Duration duration) {
  constexpr absl::Duration kTooLong = absl::Seconds(int64_t{315'576'000'001});
  duration = absl::Ceil(std::min(std::max(duration, -kTooLong), kTooLong), absl::Nanoseconds(1));
  google::protobuf::Duration result;
  result.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return result;
}

// The same for a time of the wall clock, as far as a Timestamp goes: the years 1 to 9999.
inline google::protobuf::Timestamp ToProto(absl::Time time) {
  constexpr absl::Time kFirst = absl::FromUnixSeconds(int64_t{-62'135'596'800});
  constexpr absl::Time kLast = absl::FromUnixSeconds(int64_t{253'402'300'799});
  absl::Duration since_1970 =
      absl::Ceil(std::min(std::max(time, kFirst), kLast) - absl::UnixEpoch(), absl::Nanoseconds(1));
  google::protobuf::Timestamp result;
  result.set_seconds(absl::IDivDuration(since_1970, absl::Seconds(1), &since_1970));
  if (since_1970 < absl::ZeroDuration()) {  // nanos count forward, also before 1970
    result.set_seconds(result.seconds() - 1);
    since_1970 += absl::Seconds(1);
  }
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(since_1970)));
  return result;
}

inline absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

inline absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace client
}  // namespace timerd
