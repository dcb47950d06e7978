// A frame as bytes, guarded against damage on its own: it is to travel beyond RocksDB one day.
//
//   checksum  4 bytes, little-endian: masked CRC-32C of all that follows
//   length    4 bytes, little-endian: of the message
//   message   a serialized storage.v1.Frame
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "timerd/storage/v1/storage.pb.h"

namespace timerd::store {

// ResourceExhausted if the frame is larger than Protobuf can serialize (2 GiB).
absl::StatusOr<std::string> EncodeFrame(const storage::v1::Frame& frame);
// DataLoss, saying what is wrong, if `bytes` is not what EncodeFrame() made.
absl::Status DecodeFrame(absl::string_view bytes, storage::v1::Frame& frame);

}  // namespace timerd::store
