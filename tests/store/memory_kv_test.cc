// What MemoryKv does beyond the contract: scans beside writes, from several threads.
#include "server/store/memory_kv.h"

#include <atomic>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/store/frames.h"

namespace timerd::store {
namespace {

using Map = std::map<std::string, std::string>;

Map All(const MemoryKv& kv) {
  Map all;
  EXPECT_TRUE(kv.Scan("", "\xff", [&](absl::string_view key, absl::string_view value) {
                  all[std::string(key)] = std::string(value);
                  return true;
                }).ok());
  return all;
}

TEST(MemoryKvTest, KeepsNestedScansAtTheirOwnMoments) {
  std::mt19937_64 random(TestSeed());
  MemoryKv kv;
  Map model;
  const auto change = [&] {
    WriteBatch batch;
    for (int i = 0; i < 20; ++i) {
      const std::string key = absl::StrCat("k", random() % 200);
      if (random() % 3 == 0) {
        batch.Delete(key);
        model.erase(key);
      } else {
        model[key] = std::to_string(random());
        batch.Put(key, model[key]);
      }
    }
    ASSERT_TRUE(kv.Write(batch, Durability::kMemory).ok());
  };
  for (int i = 0; i < 20; ++i) {
    change();
  }
  int inner_scans = 0;
  for (int round = 0; round < 20; ++round) {
    const Map before = model;
    Map outer;
    ASSERT_TRUE(kv.Scan("", "\xff", [&](absl::string_view key, absl::string_view value) {
                    outer[std::string(key)] = std::string(value);
                    change();
                    EXPECT_EQ(All(kv), model);
                    ++inner_scans;
                    return true;
                  }).ok());
    EXPECT_EQ(outer, before);
    EXPECT_EQ(All(kv), model);
  }
  EXPECT_GT(inner_scans, 100);
}

TEST(MemoryKvTest, ShowsEachScanOneMomentWhileOthersWriteAndScan) {
  MemoryKv kv;
  constexpr int kKeys = 200;  // several pages
  const auto write = [&](int round) {
    WriteBatch batch;
    for (int i = 0; i < kKeys; ++i) {
      batch.Put(std::to_string(1000 + i), std::to_string(round));
    }
    EXPECT_TRUE(kv.Write(batch, Durability::kMemory).ok());
  };
  write(0);
  std::atomic<bool> done = false;
  std::atomic<int> scans = 0;
  const auto read = [&] {
    do {
      const Map all = All(kv);
      EXPECT_EQ(all.size(), static_cast<size_t>(kKeys));
      for (const auto& [key, value] : all) {
        EXPECT_EQ(value, all.begin()->second) << key;
      }
      ++scans;
    } while (!done);
  };
  std::thread reader1(read);
  std::thread reader2(read);
  for (int round = 1; round <= 100; ++round) {
    write(round);
  }
  done = true;
  reader1.join();
  reader2.join();
  EXPECT_GE(scans, 2);
  EXPECT_EQ(All(kv).begin()->second, "100");
}

}  // namespace
}  // namespace timerd::store
