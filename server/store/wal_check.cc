#include "server/store/wal_check.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "server/store/checksum.h"

namespace timerd::store {
namespace {

// A file is a row of blocks. A record is: masked CRC-32C of type and payload (4 bytes), length of
// the payload (2), type (1), payload; numbers are little-endian. It lies within one block; fewer
// bytes than a header at the end of a block are zeros.
constexpr size_t kBlockSize = 32768;
constexpr size_t kHeaderSize = 7;
constexpr size_t kTypeOffset = 6;
// Whole, first, middle and last part of a batch.
constexpr int kFirstType = 1;
constexpr int kLastType = 4;

uint32_t ByteAt(absl::string_view bytes, size_t i) { return static_cast<unsigned char>(bytes[i]); }

bool AllZero(absl::string_view bytes) {
  return bytes.find_first_not_of('\0') == absl::string_view::npos;
}

uint32_t LengthOf(absl::string_view record) { return ByteAt(record, 4) | ByteAt(record, 5) << 8; }

// Whether `record`, cut to a payload of `length`, has the checksum that it carries.
bool ChecksumFits(absl::string_view record, size_t length) {
  const uint32_t stored = ByteAt(record, 0) | ByteAt(record, 1) << 8 | ByteAt(record, 2) << 16 |
                          ByteAt(record, 3) << 24;
  return stored == MaskChecksum(Crc32c(record.substr(kTypeOffset, 1 + length)));
}

// Whether `rest`, whose length field points past its end, is a whole record with one bit of the
// length flipped, rather than the beginning of a longer record.
bool IsWholeButForLength(absl::string_view rest) {
  for (uint32_t bit = 1; bit < 0x10000; bit <<= 1) {
    const size_t length = LengthOf(rest) ^ bit;
    if (kHeaderSize + length <= rest.size() && ChecksumFits(rest, length)) {
      return true;
    }
  }
  return false;
}

absl::Status Damaged(size_t offset, absl::string_view cause) {
  return absl::DataLossError(absl::StrCat("the record at byte ", offset, " ", cause));
}

}  // namespace

absl::Status CheckWal(absl::string_view log) {
  size_t offset = 0;
  while (offset < log.size()) {
    const size_t left_in_block = kBlockSize - offset % kBlockSize;
    const absl::string_view block = log.substr(offset, left_in_block);
    if (left_in_block < kHeaderSize) {
      if (!AllZero(block)) {
        return Damaged(offset, "has bytes where a block ends in zeros");
      }
      offset += block.size();
      continue;
    }
    if (block.size() < kHeaderSize) {
      return absl::OkStatus();  // cut within a header
    }
    const uint32_t type = ByteAt(block, kTypeOffset);
    if (type == 0 && AllZero(log.substr(offset))) {
      return absl::OkStatus();  // the file grew before its data arrived
    }
    if (type < kFirstType || type > kLastType) {
      return Damaged(offset, absl::StrCat("has type ", type, ", which is not in use"));
    }
    const size_t size = kHeaderSize + LengthOf(block);
    if (size > left_in_block) {
      return Damaged(offset, "is longer than its block");
    }
    if (size > block.size()) {
      if (IsWholeButForLength(block)) {
        return Damaged(offset, "has a damaged length");
      }
      return absl::OkStatus();  // cut within a payload
    }
    if (!ChecksumFits(block, size - kHeaderSize)) {
      return Damaged(offset, "has a checksum that does not fit its bytes");
    }
    offset += size;
  }
  return absl::OkStatus();
}

}  // namespace timerd::store
