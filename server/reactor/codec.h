// Handles as bytes and back: timer::Handle to and from the messages of storage.proto.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/timer/handle.h"
#include "timerd/storage/v1/storage.pb.h"

namespace timerd::reactor {

// A serialized storage.v1.Spec: the part of a handle that never changes.
std::string EncodeSpec(const timer::Handle& handle);
// A serialized storage.v1.State: the rest.
std::string EncodeState(const timer::Handle& handle);

// DataLoss, naming the handle, when the bytes are not what the encoders wrote; FailedPrecondition
// when its cron schedule names a time zone that this machine no longer knows.
absl::StatusOr<timer::Handle> Decode(absl::string_view key, absl::string_view spec,
                                     absl::string_view state);

// The spec and the generation that EncodeSpec() wrote; errors as of Decode().
absl::StatusOr<timer::Handle> DecodeSpec(absl::string_view key, absl::string_view spec);

void EncodeEvent(const timer::Event& event, storage::v1::Event* to);
timer::Event DecodeEvent(const storage::v1::Event& from);

}  // namespace timerd::reactor
