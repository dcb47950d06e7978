#include "server/store/frame_codec.h"

#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "server/store/checksum.h"

namespace timerd::store {
namespace {

constexpr size_t kChecksumSize = 4;
constexpr size_t kHeaderSize = 8;

void PutLittleEndian(uint32_t value, char* bytes) {
  for (int i = 0; i < 4; ++i) {
    bytes[i] = static_cast<char>(value >> (8 * i));
  }
}

uint32_t ReadLittleEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) {
    value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

}  // namespace

absl::StatusOr<std::string> EncodeFrame(const storage::v1::Frame& frame) {
  const size_t size = frame.ByteSizeLong();
  if (size > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return absl::ResourceExhaustedError(
        absl::StrCat("shard ", frame.shard(), ": frame ", frame.sequence(), " has ", size,
                     " bytes; a frame has at most 2147483647: put fewer operations into one"));
  }
  std::string bytes;
  bytes.reserve(kHeaderSize + size);
  bytes.resize(kHeaderSize);
  frame.AppendToString(&bytes);
  PutLittleEndian(static_cast<uint32_t>(size), bytes.data() + kChecksumSize);
  const absl::string_view guarded = absl::string_view(bytes).substr(kChecksumSize);
  PutLittleEndian(MaskChecksum(Crc32c(guarded)), bytes.data());
  return bytes;
}

absl::Status DecodeFrame(absl::string_view bytes, storage::v1::Frame& frame) {
  if (bytes.size() < kHeaderSize) {
    return absl::DataLossError(
        absl::StrCat("it has ", bytes.size(), " bytes, less than its header"));
  }
  const uint32_t stored = ReadLittleEndian(bytes);
  if (stored != MaskChecksum(Crc32c(bytes.substr(kChecksumSize)))) {
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
