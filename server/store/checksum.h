// CRC-32C, as the log and RocksDB use it.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace timerd::store {

// CRC-32C (Castagnoli) of `bytes`, computed by RocksDB with the CPU's instruction where it has one.
uint32_t Crc32c(absl::string_view bytes);

// A checksum as it is stored beside the data: rotated and shifted, because the CRC of bytes that
// contain their own CRC is weak. Source: LevelDB, util/crc32c.h.
constexpr uint32_t MaskChecksum(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }

}  // namespace timerd::store
