#include "server/store/wal_check.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "gtest/gtest.h"
#include "server/store/rocks_kv.h"
#include "tests/support/temp_dir.h"

namespace timerd::store {
namespace {

// A log as RocksDB writes it: one record per value.
std::string MakeWal(const std::vector<std::string>& values) {
  TempDir dir;
  RocksKvOptions options;
  options.create = true;
  auto kv = RocksKv::Open(dir.path(), options);
  EXPECT_TRUE(kv.ok());
  for (const std::string& value : values) {
    WriteBatch batch;
    batch.Put("key", value);
    EXPECT_TRUE((*kv)->Write(batch, Durability::kOs).ok());
  }
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    if (entry.path().extension() == ".log") {
      std::ifstream file(entry.path(), std::ios::binary);
      return {std::istreambuf_iterator<char>(file), {}};
    }
  }
  ADD_FAILURE() << "no log";
  return "";
}

TEST(WalCheckTest, AcceptsWhatRocksDbWrites) {
  EXPECT_TRUE(CheckWal("").ok());
  const std::string wal =
      MakeWal({"a", std::string(100000, 'b'), "", std::string(32740, 'c'), "d"});
  EXPECT_GT(wal.size(), 3U * 32768);
  EXPECT_TRUE(CheckWal(wal).ok()) << CheckWal(wal);
}

TEST(WalCheckTest, AcceptsALogCutAnywhere) {
  const std::string wal = MakeWal({"a", "", std::string(300, 'b'), "c"});
  for (size_t size = 0; size <= wal.size(); ++size) {
    const absl::Status status = CheckWal(absl::string_view(wal).substr(0, size));
    EXPECT_TRUE(status.ok()) << size << ": " << status;
  }
}

TEST(WalCheckTest, AcceptsZerosAtTheEnd) {
  const std::string wal = MakeWal({"a", "b"});
  EXPECT_TRUE(CheckWal(wal + std::string(50000, '\0')).ok());
}

TEST(WalCheckTest, RefusesEveryFlippedBit) {
  const std::string wal = MakeWal({"a", "", std::string(300, 'b'), "c"});
  ASSERT_GT(wal.size(), 300U);
  for (size_t bit = 0; bit < 8 * wal.size(); ++bit) {
    std::string damaged = wal;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_EQ(CheckWal(damaged).code(), absl::StatusCode::kDataLoss)
        << "byte " << bit / 8 << " of " << wal.size() << ", bit " << bit % 8;
  }
}

TEST(WalCheckTest, RefusesFlippedBitsAcrossBlocks) {
  const std::string wal = MakeWal({std::string(40000, 'a'), std::string(40000, 'b')});
  int flips = 0;
  for (size_t byte = 0; byte < wal.size(); byte += 97, ++flips) {
    std::string damaged = wal;
    damaged[byte] ^= 4;
    EXPECT_EQ(CheckWal(damaged).code(), absl::StatusCode::kDataLoss) << byte;
  }
  EXPECT_GT(flips, 500);
}

}  // namespace
}  // namespace timerd::store
