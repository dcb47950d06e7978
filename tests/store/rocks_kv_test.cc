// What RocksKv does beyond the contract: failures of the disk.
#include "server/store/rocks_kv.h"

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

TEST_F(RocksKvTest, IsNotMadeUnlessAskedTo) {
  TempDir other;
  EXPECT_FALSE(RocksKv::Open(other.path() + "/db", RocksKvOptions()).ok());
}

}  // namespace
}  // namespace timerd::store
