// The contract of ShardLog, over every driver.
#include "server/store/shard_log.h"

#include <functional>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/store/data_directory.h"
#include "server/store/kv_shard_log.h"
#include "tests/store/drivers.h"
#include "tests/store/log_user.h"
#include "tests/support/temp_dir.h"

namespace timerd::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Opens the log of a shard, the same one each time.
using OpenLog = std::function<std::unique_ptr<ShardLog>(uint32_t shard)>;

struct LogDriver {
  std::string name;
  // An empty log for each shard, and whatever they need to live.
  std::function<OpenLog()> make;
};

OpenLog InKv(std::shared_ptr<OrderedKv> kv) {
  return [kv = std::move(kv)](uint32_t shard) {
    auto log = KvShardLog::Open(*kv, shard, Durability::kOs);
    TIMERD_CHECK(log.ok());
    return *std::move(log);
  };
}

OpenLog InFiles(Durability durability) {
  auto parent = std::make_shared<TempDir>();
  auto opened = DataDirectory::Open(parent->path() + "/data", {.shards = 8});
  TIMERD_CHECK(opened.ok());
  std::shared_ptr<DataDirectory> directory = *std::move(opened);
  return [parent, directory, durability](uint32_t shard) {
    // Small files, so that some frames fill one.
    auto log = directory->OpenLog(shard, durability, {.segment_bytes = 32 << 10});
    TIMERD_CHECK(log.ok());
    return *std::move(log);
  };
}

class ShardLogTest : public LogUser, public testing::TestWithParam<LogDriver> {
 protected:
  ShardLogTest() { Reopen(); }

  void Reopen() {
    log_ = nullptr;
    log_ = open_(kShard);
  }

  const OpenLog open_ = GetParam().make();
};

std::vector<LogDriver> AllLogDrivers() {
  std::vector<LogDriver> drivers = {
      {"Files", [] { return InFiles(Durability::kOs); }},
      {"SyncedFiles", [] { return InFiles(Durability::kSync); }},
  };
  for (const Driver& driver : AllDrivers()) {
    drivers.push_back({driver.name, [driver] { return InKv(driver.make()); }});
  }
  return drivers;
}

INSTANTIATE_TEST_SUITE_P(Drivers, ShardLogTest, testing::ValuesIn(AllLogDrivers()),
                         [](const auto& param) { return param.param.name; });

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
  const std::unique_ptr<ShardLog> other = open_(kShard + 1);
  Append(1, 3);
  ASSERT_TRUE(other->Append(EmptyFrame(kShard + 1, 9)).ok());
  EXPECT_THAT(Sequences(1), ElementsAre(1, 2, 3));
  ASSERT_TRUE(log_->Trim(3).ok());
  int frames = 0;
  ASSERT_TRUE(other
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
