// What a log in a key-value store does besides (shard_log_test.cc), over every driver of OrderedKv.
#include "server/store/kv_shard_log.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/keys.h"
#include "tests/store/drivers.h"
#include "tests/store/log_user.h"

namespace timerd::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class KvShardLogTest : public LogUser, public DriverTest {
 protected:
  KvShardLogTest() { Reopen(); }

  void Reopen() {
    auto log = KvShardLog::Open(*kv_, kShard, Durability::kOs);
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }
};

INSTANTIATE_TEST_SUITE_P(Drivers, KvShardLogTest, AllDrivers(), DriverName);

TEST_P(KvShardLogTest, GoesOnAtVeryHighSequences) {
  const uint64_t high = std::numeric_limits<uint64_t>::max() - 3;
  Append(high, high + 1);
  Reopen();
  Append(high + 2, high + 2);
  EXPECT_THAT(Sequences(high), ElementsAre(high, high + 1, high + 2));
  ASSERT_TRUE(log_->Trim(std::numeric_limits<uint64_t>::max()).ok());
  EXPECT_THAT(Sequences(high), IsEmpty());
}

TEST_P(KvShardLogTest, ForgetsWhatIsTrimmedAndNothingElse) {
  Append(1, 10);
  ASSERT_TRUE(log_->Trim(7).ok());
  EXPECT_THAT(Sequences(8), ElementsAre(8, 9, 10));
  absl::Status status;
  EXPECT_THAT(Sequences(7, &status), IsEmpty());
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  Reopen();
  Append(11, 11);
}

TEST_P(KvShardLogTest, TakesAnySequenceWhenEmpty) {
  Append(1, 3);
  ASSERT_TRUE(log_->Trim(3).ok());
  Append(42, 43);
  ASSERT_TRUE(log_->Trim(43).ok());
  Reopen();
  Append(44, 44);
  EXPECT_THAT(Sequences(44), ElementsAre(44));
}

TEST_P(KvShardLogTest, ReportsAMissingFrameByShardAndSequence) {
  Append(1, 5);
  WriteBatch batch;
  batch.Delete(LogKey(kShard, 3));
  ASSERT_TRUE(kv_->Write(batch, Durability::kOs).ok());
  absl::Status status;
  EXPECT_THAT(Sequences(1, &status), ElementsAre(1, 2));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("shard 3: frame 3 is missing"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("restore"));
}

TEST_P(KvShardLogTest, ReportsADamagedFrameByShardAndSequence) {
  Append(1, 3);
  std::string bytes = **kv_->Get(LogKey(kShard, 2));
  bytes.back() ^= 0x10;
  WriteBatch batch;
  batch.Put(LogKey(kShard, 2), bytes);
  ASSERT_TRUE(kv_->Write(batch, Durability::kOs).ok());
  absl::Status status;
  EXPECT_THAT(Sequences(1, &status), ElementsAre(1));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("shard 3: frame 2 of the log is damaged"));
}

TEST_P(KvShardLogTest, ReportsAFrameInAnothersPlace) {
  Append(1, 3);
  WriteBatch batch;
  batch.Put(LogKey(kShard, 2), **kv_->Get(LogKey(kShard, 1)));
  ASSERT_TRUE(kv_->Write(batch, Durability::kOs).ok());
  absl::Status status;
  EXPECT_THAT(Sequences(1, &status), ElementsAre(1));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace timerd::store
