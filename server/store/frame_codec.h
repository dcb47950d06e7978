// A frame as bytes, guarded against damage on its own: it is to travel beyond RocksDB one day.
//
//   checksum  4 bytes, little-endian: masked CRC-32C of all that follows
//   length    4 bytes, little-endian: of the message
//   message   a serialized storage.v1.Frame
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "timerd/storage/v1/storage.pb.h"

namespace timerd::store {

// The bytes that EncodeFrame() takes. ResourceExhausted if the frame is larger than Protobuf can
// serialize (2 GiB).
absl::StatusOr<size_t> EncodedSize(const storage::v1::Frame& frame);
// Writes `frame`, unchanged since EncodedSize() said `size`, to the `size` bytes from `to` on.
void EncodeFrame(const storage::v1::Frame& frame, size_t size, char* to);
// Both.
absl::StatusOr<std::string> EncodeFrame(const storage::v1::Frame& frame);

// The encoded frame that `bytes` begin with; nothing if they begin with something else, with a part
// of one, or with a damaged one.
std::optional<absl::string_view> LeadingFrame(absl::string_view bytes);
// DataLoss, saying what is wrong, if `bytes` is not what EncodeFrame() made.
absl::Status DecodeFrame(absl::string_view bytes, storage::v1::Frame& frame);

}  // namespace timerd::store
