#include "tests/support/crashing_kv.h"

#include "gtest/gtest.h"
#include "server/store/kv_shard_log.h"
#include "server/store/kv_state_store.h"
#include "tests/store/frames.h"
#include "tests/store/recovery.h"

namespace timerd::store {
namespace {

absl::Status Put(CrashingKv& kv, const std::string& key, Durability durability) {
  WriteBatch batch;
  batch.Put(key, "value");
  return kv.Write(batch, durability);
}

bool Has(const CrashingKv& kv, const std::string& key) { return kv.Get(key)->has_value(); }

TEST(CrashingKvTest, LosesAnySuffixOfTheMemoryWritesAndNothingElse) {
  constexpr int kWrites = 10;
  std::vector<int> times_kept(kWrites + 1);
  for (uint64_t seed = 0; seed < 200; ++seed) {
    CrashingKv kv(seed);
    ASSERT_TRUE(Put(kv, "flushed", Durability::kMemory).ok());
    ASSERT_TRUE(kv.Flush().ok());
    for (int i = 0; i < kWrites; ++i) {
      ASSERT_TRUE(Put(kv, "memory" + std::to_string(i), Durability::kMemory).ok());
      ASSERT_TRUE(Put(kv, "os" + std::to_string(i), Durability::kOs).ok());
    }
    kv.Crash();
    EXPECT_TRUE(Has(kv, "flushed"));
    int kept = 0;
    while (kept < kWrites && Has(kv, "memory" + std::to_string(kept))) {
      ++kept;
    }
    ++times_kept[kept];
    for (int i = 0; i < kWrites; ++i) {
      EXPECT_EQ(Has(kv, "memory" + std::to_string(i)), i < kept);
      EXPECT_TRUE(Has(kv, "os" + std::to_string(i)));
    }
  }
  for (int times : times_kept) {
    EXPECT_GT(times, 0);
  }
}

TEST(CrashingKvTest, LosesUnsyncedWritesWithThePowerInOrder) {
  int lost = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    CrashingKv kv(seed);
    ASSERT_TRUE(Put(kv, "a", Durability::kOs).ok());
    ASSERT_TRUE(Put(kv, "b", Durability::kSync).ok());
    ASSERT_TRUE(Put(kv, "c", Durability::kOs).ok());
    ASSERT_TRUE(Put(kv, "d", Durability::kOs).ok());
    kv.Crash(CrashingKv::CrashKind::kPower);
    EXPECT_TRUE(Has(kv, "a") && Has(kv, "b"));
    EXPECT_TRUE(Has(kv, "c") || !Has(kv, "d"));
    lost += !Has(kv, "d");
  }
  EXPECT_GT(lost, 0);
  EXPECT_LT(lost, 100);
}

TEST(CrashingKvTest, FailsTheWriteThatItIsToldToAndAllLaterOnesUntilTheCrash) {
  int came_to_light = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    CrashingKv kv(seed);
    kv.FailWrite(2);
    EXPECT_TRUE(Put(kv, "a", Durability::kSync).ok());
    EXPECT_FALSE(Put(kv, "b", Durability::kSync).ok());
    EXPECT_FALSE(Put(kv, "c", Durability::kMemory).ok());
    EXPECT_FALSE(kv.Flush().ok());
    EXPECT_FALSE(Has(kv, "b"));
    kv.Crash();
    EXPECT_TRUE(Has(kv, "a"));
    EXPECT_FALSE(Has(kv, "c"));
    came_to_light += Has(kv, "b");
    EXPECT_TRUE(Put(kv, "d", Durability::kSync).ok());
  }
  EXPECT_GT(came_to_light, 0);
  EXPECT_LT(came_to_light, 100);
}

TEST(CrashingKvTest, DecidesTheSameForTheSameSeed) {
  const auto survivors = [](uint64_t seed) {
    CrashingKv kv(seed);
    std::string found;
    for (int i = 0; i < 50; ++i) {
      EXPECT_TRUE(Put(kv, std::to_string(i), i % 2 ? Durability::kMemory : Durability::kOs).ok());
    }
    kv.Crash(CrashingKv::CrashKind::kPower);
    for (int i = 0; i < 50; ++i) {
      found += Has(kv, std::to_string(i)) ? '1' : '0';
    }
    return found;
  };
  EXPECT_EQ(survivors(7), survivors(7));
  EXPECT_NE(survivors(7), survivors(8));
}

// The claim that the store rests on, in the model of the disk: state is a prefix, the log has the
// rest, the two add up.
TEST(CrashingKvTest, LeavesAStateAndALogThatAddUp) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  CrashingKv kv(seed);
  uint64_t acknowledged = 0;
  constexpr int kCrashes = 60;
  for (int crash = 0; crash < kCrashes; ++crash) {
    auto log = KvShardLog::Open(kv, /*shard=*/0, Durability::kSync);
    ASSERT_TRUE(log.ok()) << log.status();
    RecoveredShard shard(*std::move(log), kv, /*shard=*/0, seed);
    EXPECT_GE(shard.log_end(), acknowledged);
    if (random() % 2 == 0) {
      kv.FailWrite(1 + random() % 100);
    }
    for (int i = static_cast<int>(random() % 50); i > 0 && shard.Step(); --i) {
      if (random() % 10 == 0 && !shard.Checkpoint()) {
        break;
      }
    }
    acknowledged = shard.log_end();
    kv.Crash(random() % 2 == 0 ? CrashingKv::CrashKind::kPower : CrashingKv::CrashKind::kProcess);
  }
  EXPECT_GT(acknowledged, 100U);
}

}  // namespace
}  // namespace timerd::store
