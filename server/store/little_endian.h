// Numbers of 4 bytes, the lowest one first.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace timerd::store {

inline void PutLittleEndian(uint32_t value, char* bytes) {
  for (int i = 0; i < 4; ++i) {
    bytes[i] = static_cast<char>(value >> (8 * i));
  }
}

// REQUIRES: there are 4 bytes.
inline uint32_t ReadLittleEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) {
    value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

}  // namespace timerd::store
