#include "server/store/log_segment.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/store/checksum.h"
#include "server/store/frame_codec.h"
#include "server/store/little_endian.h"
#include "server/store/log_file.h"

namespace timerd::store {
namespace {

constexpr absl::string_view kMagic = "timerlog";
constexpr size_t kShardAt = 8;
constexpr size_t kFirstAt = 12;
constexpr size_t kChecksumAt = 20;
constexpr size_t kHeaderSize = 24;

// The frame at `offset`; nothing if there is no whole one.
std::optional<absl::string_view> FrameAt(absl::string_view segment, size_t offset, Frame& frame) {
  const std::optional<absl::string_view> bytes = LeadingFrame(segment.substr(offset));
  return bytes.has_value() && DecodeFrame(*bytes, frame).ok() ? bytes : std::nullopt;
}

// Whether there is a frame behind `offset` that is later than `sequence`: then that one was there.
bool HasLater(uint32_t shard, uint64_t sequence, absl::string_view segment, size_t offset) {
  Frame frame;
  for (offset += kLogBlock; offset < segment.size(); offset += kLogBlock) {
    if (FrameAt(segment, offset, frame).has_value() && frame.shard() == shard &&
        frame.sequence() > sequence) {
      return true;
    }
  }
  return false;
}

}  // namespace

void EncodeSegmentHeader(uint32_t shard, uint64_t first, absl::Span<char> block) {
  std::fill(block.begin(), block.end(), '\0');
  std::copy(kMagic.begin(), kMagic.end(), block.begin());
  PutLittleEndian(shard, &block[kShardAt]);
  PutLittleEndian(static_cast<uint32_t>(first), &block[kFirstAt]);
  PutLittleEndian(static_cast<uint32_t>(first >> 32), &block[kFirstAt + 4]);
  PutLittleEndian(MaskChecksum(Crc32c({block.data(), kChecksumAt})), &block[kChecksumAt]);
}

absl::StatusOr<uint64_t> DecodeSegmentHeader(uint32_t shard, absl::string_view bytes) {
  if (bytes.size() < kHeaderSize) {
    return absl::DataLossError("it is shorter than its header");
  }
  const absl::string_view header = bytes.substr(0, kHeaderSize);
  if (header.find_first_not_of('\0') == absl::string_view::npos) {
    return 0;
  }
  if (header.substr(0, kMagic.size()) != kMagic ||
      ReadLittleEndian(header.substr(kChecksumAt)) !=
          MaskChecksum(Crc32c(header.substr(0, kChecksumAt)))) {
    return absl::DataLossError("its header is damaged");
  }
  if (const uint32_t other = ReadLittleEndian(header.substr(kShardAt)); other != shard) {
    return absl::DataLossError(absl::StrCat("it says that it is of shard ", other));
  }
  return ReadLittleEndian(header.substr(kFirstAt)) |
         uint64_t{ReadLittleEndian(header.substr(kFirstAt + 4))} << 32;
}

absl::StatusOr<SegmentEnd> ReadSegment(uint32_t shard, uint64_t first, absl::string_view segment,
                                       absl::FunctionRef<absl::Status(const Frame&)> visit) {
  SegmentEnd end{.next = first, .used = kLogBlock};
  Frame frame;
  while (end.used < segment.size()) {
    const std::optional<absl::string_view> bytes = FrameAt(segment, end.used, frame);
    if (!bytes.has_value() || frame.shard() != shard || frame.sequence() != end.next) {
      if (HasLater(shard, end.next, segment, end.used - (bytes.has_value() ? kLogBlock : 0))) {
        return absl::DataLossError(absl::StrCat("frame ", end.next, " is damaged"));
      }
      break;
    }
    TIMERD_RETURN_IF_ERROR(visit(frame));
    ++end.next;
    end.used += RoundUpToBlock(bytes->size());
  }
  return end;
}

}  // namespace timerd::store
