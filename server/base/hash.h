// A hash that is the same in every process and release, for what outlives one: which shard an id
// belongs to. (absl::Hash is seeded anew in each process.)
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace timerd {

// FNV-1a, 64 bits, finished with MurmurHash3's mixer so that the low bits are usable by themselves.
// Source: Fowler, Noll, Vo, draft-eastlake-fnv; Appleby, MurmurHash3 fmix64.
constexpr uint64_t StableHash(absl::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >> 33);
}

}  // namespace timerd
