// The hash that decides which shard an id belongs to.
#include "server/base/hash.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace timerd {
namespace {

// On disk: another value would send every id to another shard. (Computed apart from the code.)
TEST(StableHashTest, IsTheSameForever) {
  EXPECT_EQ(StableHash(""), 0xefd01f60ba992926u);
  EXPECT_EQ(StableHash("billing/42"), 0x136845dd05eb2a31u);
  EXPECT_EQ(StableHash(absl::string_view("\xff\0x", 3)), 0xb5ceb8cbaf53e00au);
}

TEST(StableHashTest, SpreadsIdsThatDifferByOneDigitOverFewShards) {
  constexpr int kIds = 8000;
  for (const uint64_t shards : {2u, 3u, 8u}) {
    std::vector<int> counts(shards, 0);
    for (int i = 0; i < kIds; ++i) {
      ++counts[StableHash(absl::StrCat("timer-", i)) % shards];
    }
    for (const int count : counts) {
      EXPECT_NEAR(count, kIds / static_cast<int>(shards), kIds / 20);
    }
  }
}

}  // namespace
}  // namespace timerd
