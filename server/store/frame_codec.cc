#include "server/store/frame_codec.h"

#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/store/checksum.h"
#include "server/store/little_endian.h"

namespace timerd::store {
namespace {

constexpr size_t kChecksumSize = 4;
constexpr size_t kHeaderSize = 8;

bool HasOwnChecksum(absl::string_view bytes) {
  return ReadLittleEndian(bytes) == MaskChecksum(Crc32c(bytes.substr(kChecksumSize)));
}

}  // namespace

absl::StatusOr<size_t> EncodedSize(const storage::v1::Frame& frame) {
  const size_t size = frame.ByteSizeLong();
  if (size > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return absl::ResourceExhaustedError(
        absl::StrCat("shard ", frame.shard(), ": frame ", frame.sequence(), " has ", size,
                     " bytes; a frame has at most 2147483647: put fewer operations into one"));
  }
  return kHeaderSize + size;
}

void EncodeFrame(const storage::v1::Frame& frame, size_t size, char* to) {
  PutLittleEndian(static_cast<uint32_t>(size - kHeaderSize), to + kChecksumSize);
  frame.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(to) + kHeaderSize);
  const absl::string_view guarded(to + kChecksumSize, size - kChecksumSize);
  PutLittleEndian(MaskChecksum(Crc32c(guarded)), to);
}

absl::StatusOr<std::string> EncodeFrame(const storage::v1::Frame& frame) {
  TIMERD_ASSIGN_OR_RETURN(const size_t size, EncodedSize(frame));
  std::string bytes(size, '\0');
  EncodeFrame(frame, size, bytes.data());
  return bytes;
}

std::optional<absl::string_view> LeadingFrame(absl::string_view bytes) {
  if (bytes.size() < kHeaderSize) {
    return std::nullopt;
  }
  const size_t size = kHeaderSize + ReadLittleEndian(bytes.substr(kChecksumSize));
  if (size > bytes.size() || !HasOwnChecksum(bytes.substr(0, size))) {
    return std::nullopt;
  }
  return bytes.substr(0, size);
}

absl::Status DecodeFrame(absl::string_view bytes, storage::v1::Frame& frame) {
  if (bytes.size() < kHeaderSize) {
    return absl::DataLossError(
        absl::StrCat("it has ", bytes.size(), " bytes, less than its header"));
  }
  if (!HasOwnChecksum(bytes)) {
    return absl::DataLossError("its checksum does not fit its bytes");
  }
  const absl::string_view message = bytes.substr(kHeaderSize);
  if (ReadLittleEndian(bytes.substr(kChecksumSize)) != message.size()) {
    return absl::DataLossError("its length does not fit its bytes");
  }
  if (!frame.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return absl::DataLossError("it is not a Frame message");
  }
  return absl::OkStatus();
}

}  // namespace timerd::store
