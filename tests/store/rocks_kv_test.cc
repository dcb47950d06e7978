// What RocksKv does beyond the contract: failures of the disk, tables past the memtable.
#include "server/store/rocks_kv.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/faulty_env.h"
#include "tests/support/temp_dir.h"

namespace timerd::store {
namespace {

class RocksKvTest : public testing::Test {
 protected:
  RocksKvTest() {
    RocksKvOptions options;
    options.create = true;
    options.env = faulty_.env();
    auto kv = RocksKv::Open(dir_.path(), options);
    EXPECT_TRUE(kv.ok()) << kv.status();
    kv_ = *std::move(kv);
  }
  absl::Status Put(const std::string& key, Durability durability) {
    WriteBatch batch;
    batch.Put(key, "value");
    return kv_->Write(batch, durability);
  }
  void ExpectUnusable() {
    EXPECT_FALSE(Put("later", Durability::kMemory).ok());
    EXPECT_FALSE(Put("later", Durability::kOs).ok());
    EXPECT_FALSE(Put("later", Durability::kSync).ok());
    EXPECT_FALSE(kv_->Flush().ok());
    EXPECT_FALSE(kv_->Get("later")->has_value());
    EXPECT_TRUE(kv_->Get("before")->has_value());
  }

  TempDir dir_;
  FaultyEnv faulty_;
  std::unique_ptr<RocksKv> kv_;
};

TEST_F(RocksKvTest, TakesNoWriteAfterTheLogCouldNotBeWritten) {
  ASSERT_TRUE(Put("before", Durability::kSync).ok());
  faulty_.FailAppends(".log");
  const absl::Status status = Put("a", Durability::kOs);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(dir_.path()));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("planned failure"));
  faulty_.Heal();
  ExpectUnusable();
}

TEST_F(RocksKvTest, TakesNoWriteAfterTheLogCouldNotBeSynced) {
  ASSERT_TRUE(Put("before", Durability::kSync).ok());
  faulty_.FailSyncs(".log");
  ASSERT_TRUE(Put("unsynced", Durability::kOs).ok());
  EXPECT_FALSE(Put("a", Durability::kSync).ok());
  faulty_.Heal();
  ExpectUnusable();
}

TEST_F(RocksKvTest, TakesNoWriteAfterATableCouldNotBeWritten) {
  ASSERT_TRUE(Put("before", Durability::kMemory).ok());
  faulty_.FailSyncs(".sst");
  EXPECT_FALSE(kv_->Flush().ok());
  faulty_.Heal();
  ExpectUnusable();
}

// A batch that is large enough for a table of its own, of the keys "a" to "c".
WriteBatch Large() {
  WriteBatch batch;
  batch.Put("a", std::string(RocksKvOptions().least_table_bytes, 'x'));
  batch.Put("c", "small");
  batch.Compact();
  return batch;
}

TEST_F(RocksKvTest, TakesNoWriteAfterATableOfABatchCouldNotBeWritten) {
  ASSERT_TRUE(Put("before", Durability::kMemory).ok());
  faulty_.FailSyncs("sorted-0");
  EXPECT_FALSE(kv_->WriteSorted(Large()).ok());
  faulty_.Heal();
  ExpectUnusable();
}

TEST_F(RocksKvTest, PutsNewKeysBehindAllOthersIntoTheLastLevelAtOnce) {
  const std::string value(1 << 10, 'x');
  for (int round = 0; round < 3; ++round) {
    WriteBatch batch;
    batch.Put("position", std::to_string(round));
    for (int i = 0; i < 5000; ++i) {
      batch.PutNew(absl::StrCat("record ", 10'000 * (round + 1) + i), value);
    }
    batch.Compact();
    ASSERT_TRUE(kv_->WriteSorted(batch).ok());
  }
  EXPECT_EQ(kv_->Get("position")->value(), "2");
  EXPECT_TRUE(kv_->Get("record 10000")->has_value());
  EXPECT_TRUE(kv_->Get("record 34999")->has_value());
  kv_.reset();

  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::OpenForReadOnly(rocksdb::Options(), dir_.path(), &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  std::vector<rocksdb::LiveFileMetaData> tables;
  db->GetLiveFilesMetaData(&tables);
  for (const rocksdb::LiveFileMetaData& table : tables) {
    const bool records = table.smallestkey.starts_with("record");
    EXPECT_EQ(table.largestkey.starts_with("record"), records);
    EXPECT_TRUE(table.level == 6 || !records) << table.smallestkey << " in " << table.level;
  }
  EXPECT_EQ(tables.size(), 6U);
}

class DamagedTableTest : public testing::Test {
 protected:
  // Keys "10000" to "14999" in one table of some MiB, with the byte at `part` of it flipped.
  void MakeDamagedAt(double part) {
    {
      auto kv = RocksKv::Open(dir_.path(), {.create = true});
      ASSERT_TRUE(kv.ok()) << kv.status();
      WriteBatch batch;
      std::mt19937_64 random(1);
      for (int i = 10'000; i < 15'000; ++i) {
        std::string value(1 << 10, '\0');
        std::generate(value.begin(), value.end(), [&] { return static_cast<char>(random()); });
        batch.PutNew(std::to_string(i), value);
      }
      batch.Compact();
      ASSERT_TRUE((*kv)->WriteSorted(batch).ok());
    }
    for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
      if (file.path().extension() == ".sst") {
        std::fstream table(file.path(), std::ios::in | std::ios::out | std::ios::binary);
        const auto at = static_cast<std::streamoff>(part * static_cast<double>(file.file_size()));
        const int byte = table.seekg(at).get();
        table.seekp(at).put(static_cast<char>(byte ^ 1));
        ++damaged_;
      }
    }
    ASSERT_EQ(damaged_, 1);
  }

  TempDir dir_;
  int damaged_ = 0;
};

TEST_F(DamagedTableTest, IsRefusedWhenItIsReadWhole) {
  MakeDamagedAt(0.5);
  const auto kv = RocksKv::Open(dir_.path(), {});
  EXPECT_EQ(kv.status().code(), absl::StatusCode::kDataLoss) << kv.status();
}

TEST_F(DamagedTableTest, IsRefusedInAnyCaseWhenTheDamageIsInItsFirstBlock) {
  MakeDamagedAt(0.0001);
  const auto kv = RocksKv::Open(dir_.path(), {.verify_bytes = 0});
  EXPECT_EQ(kv.status().code(), absl::StatusCode::kDataLoss) << kv.status();
}

TEST_F(DamagedTableTest, IsAnErrorOfWhoeverReadsIt) {
  MakeDamagedAt(0.5);
  const auto kv = RocksKv::Open(dir_.path(), {.verify_bytes = 0});
  ASSERT_TRUE(kv.ok()) << kv.status();
  EXPECT_TRUE((*kv)->Get("10000")->has_value());
  EXPECT_TRUE((*kv)->Get("14999")->has_value());
  int seen = 0;
  const absl::Status scanned = (*kv)->Scan("1", "2", [&seen](auto, auto) {
    ++seen;
    return true;
  });
  EXPECT_EQ(scanned.code(), absl::StatusCode::kDataLoss) << scanned;
  EXPECT_GT(seen, 2'000);
  EXPECT_LT(seen, 3'000);
}

TEST_F(RocksKvTest, LeavesNoTableWithoutWhatWasWrittenBefore) {
  ASSERT_TRUE(Put("0, before the keys of the table", Durability::kMemory).ok());
  ASSERT_TRUE(Put("z, behind them", Durability::kMemory).ok());
  EXPECT_LT(kv_->flushed(), kv_->written());
  ASSERT_TRUE(kv_->WriteSorted(Large()).ok());
  EXPECT_EQ(kv_->flushed(), kv_->written());
  ASSERT_TRUE(Put("lost", Durability::kMemory).ok());
  EXPECT_LT(kv_->flushed(), kv_->written());

  // As a crash would leave it.
  TempDir crashed;
  std::filesystem::copy(dir_.path(), crashed.path(), std::filesystem::copy_options::recursive);
  std::ofstream(crashed.path() + "/sorted-7") << "made, and not taken over";
  const auto kv = RocksKv::Open(crashed.path(), RocksKvOptions());
  ASSERT_TRUE(kv.ok()) << kv.status();
  EXPECT_TRUE((*kv)->Get("0, before the keys of the table")->has_value());
  EXPECT_TRUE((*kv)->Get("z, behind them")->has_value());
  EXPECT_TRUE((*kv)->Get("a")->has_value());
  EXPECT_FALSE((*kv)->Get("lost")->has_value());
  EXPECT_FALSE(std::filesystem::exists(crashed.path() + "/sorted-7"));
}

TEST_F(RocksKvTest, IsNotMadeUnlessAskedTo) {
  TempDir other;
  EXPECT_FALSE(RocksKv::Open(other.path() + "/db", RocksKvOptions()).ok());
}

}  // namespace
}  // namespace timerd::store
