// The contract of ShardLog, over every driver of OrderedKv.
#include "server/store/shard_log.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/keys.h"
#include "server/store/kv_shard_log.h"
#include "tests/store/drivers.h"
#include "tests/store/frames.h"

namespace timerd::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint32_t kShard = 3;

class ShardLogTest : public DriverTest {
 protected:
  ShardLogTest() { Reopen(); }

  void Reopen() {
    auto log = KvShardLog::Open(*kv_, kShard, Durability::kOs);
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }
  void Append(uint64_t first, uint64_t last) {
    for (uint64_t sequence = first; sequence <= last; ++sequence) {
      ASSERT_TRUE(log_->Append(EmptyFrame(kShard, sequence)).ok()) << sequence;
    }
  }
  std::vector<uint64_t> Sequences(uint64_t from, absl::Status* status = nullptr) {
    std::vector<uint64_t> sequences;
    const absl::Status read = log_->Read(from, [&](const Frame& frame) {
      sequences.push_back(frame.sequence());
      return absl::OkStatus();
    });
    if (status != nullptr) {
      *status = read;
    } else {
      EXPECT_TRUE(read.ok()) << read;
    }
    return sequences;
  }

  std::unique_ptr<KvShardLog> log_;
};

INSTANTIATE_TEST_SUITE_P(Drivers, ShardLogTest, AllDrivers(), DriverName);

TEST_P(ShardLogTest, ReadsBackEveryFieldInOrder) {
  FrameMaker maker(kShard, /*seed=*/5);
  std::vector<std::string> written;
  for (int i = 0; i < 50; ++i) {
    const Frame frame = maker.Next();
    written.push_back(frame.SerializeAsString());
    ASSERT_TRUE(log_->Append(frame).ok());
  }
  std::vector<std::string> read;
  ASSERT_TRUE(log_->Read(1,
                         [&](const Frame& frame) {
                           read.push_back(frame.SerializeAsString());
                           return absl::OkStatus();
                         })
                  .ok());
  EXPECT_EQ(read, written);
}

TEST_P(ShardLogTest, ReadsFromTheSequenceAskedFor) {
  Append(1, 5);
  EXPECT_THAT(Sequences(4), ElementsAre(4, 5));
  EXPECT_THAT(Sequences(6), IsEmpty());
}

TEST_P(ShardLogTest, RefusesAFrameOutOfSequenceAndGoesOn) {
  Append(1, 2);
  EXPECT_EQ(log_->Append(EmptyFrame(kShard, 2)).code(), absl::StatusCode::kFailedPrecondition);
  const absl::Status skipped = log_->Append(EmptyFrame(kShard, 4));
  EXPECT_EQ(skipped.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(skipped.message()), HasSubstr("shard 3: frame 4"));
  Append(3, 3);
  EXPECT_THAT(Sequences(1), ElementsAre(1, 2, 3));
}

TEST_P(ShardLogTest, RefusesAFrameOfAnotherShard) {
  EXPECT_EQ(log_->Append(EmptyFrame(kShard + 1, 1)).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(ShardLogTest, KeepsShardsApart) {
  auto other = KvShardLog::Open(*kv_, kShard + 1, Durability::kOs);
  ASSERT_TRUE(other.ok());
  Append(1, 3);
  ASSERT_TRUE((*other)->Append(EmptyFrame(kShard + 1, 9)).ok());
  EXPECT_THAT(Sequences(1), ElementsAre(1, 2, 3));
  ASSERT_TRUE(log_->Trim(3).ok());
  int frames = 0;
  ASSERT_TRUE((*other)
                  ->Read(9,
                         [&](const Frame&) {
                           ++frames;
                           return absl::OkStatus();
                         })
                  .ok());
  EXPECT_EQ(frames, 1);
}

TEST_P(ShardLogTest, GoesOnWhereItEndedWhenOpenedAgain) {
  for (uint64_t last : {1, 2, 3, 7, 8, 1000}) {
    const uint64_t first = Sequences(1).size() + 1;
    Append(first, last);
    Reopen();
    EXPECT_EQ(log_->Append(EmptyFrame(kShard, last)).code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(log_->Append(EmptyFrame(kShard, last + 2)).code(),
              absl::StatusCode::kFailedPrecondition);
  }
  Append(1001, 1001);
}

TEST_P(ShardLogTest, GoesOnAtVeryHighSequences) {
  const uint64_t high = std::numeric_limits<uint64_t>::max() - 3;
  Append(high, high + 1);
  Reopen();
  Append(high + 2, high + 2);
  EXPECT_THAT(Sequences(high), ElementsAre(high, high + 1, high + 2));
  ASSERT_TRUE(log_->Trim(std::numeric_limits<uint64_t>::max()).ok());
  EXPECT_THAT(Sequences(high), IsEmpty());
}

TEST_P(ShardLogTest, ForgetsWhatIsTrimmedAndNothingElse) {
  Append(1, 10);
  ASSERT_TRUE(log_->Trim(7).ok());
  EXPECT_THAT(Sequences(8), ElementsAre(8, 9, 10));
  absl::Status status;
  EXPECT_THAT(Sequences(7, &status), IsEmpty());
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  Reopen();
  Append(11, 11);
}

TEST_P(ShardLogTest, TakesAnySequenceWhenEmpty) {
  Append(1, 3);
  ASSERT_TRUE(log_->Trim(3).ok());
  Append(42, 43);
  ASSERT_TRUE(log_->Trim(43).ok());
  Reopen();
  Append(44, 44);
  EXPECT_THAT(Sequences(44), ElementsAre(44));
}

TEST_P(ShardLogTest, ReportsAMissingFrameByShardAndSequence) {
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

TEST_P(ShardLogTest, ReportsADamagedFrameByShardAndSequence) {
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

TEST_P(ShardLogTest, ReportsAFrameInAnothersPlace) {
  Append(1, 3);
  WriteBatch batch;
  batch.Put(LogKey(kShard, 2), **kv_->Get(LogKey(kShard, 1)));
  ASSERT_TRUE(kv_->Write(batch, Durability::kOs).ok());
  absl::Status status;
  EXPECT_THAT(Sequences(1, &status), ElementsAre(1));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
}

TEST_P(ShardLogTest, PassesOnTheVisitorsErrorAndStops) {
  Append(1, 3);
  int visits = 0;
  const absl::Status status = log_->Read(1, [&](const Frame&) {
    ++visits;
    return visits == 2 ? absl::AbortedError("enough") : absl::OkStatus();
  });
  EXPECT_EQ(status, absl::AbortedError("enough"));
  EXPECT_EQ(visits, 2);
}

}  // namespace
}  // namespace timerd::store
