// What a log in files does besides (shard_log_test.cc). What kill -9 and damage do to one:
// store_crash_test.cc.
#include "server/store/file_shard_log.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/status.h"
#include "server/store/frame_codec.h"
#include "server/store/log_segment.h"
#include "tests/store/log_user.h"
#include "tests/support/small_disk.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace timerd::store {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::timerd::testing::IsOk;

// A header and three frames of a block each.
constexpr FileShardLogOptions kThreeFrames = {.segment_bytes = 4 * kLogBlock, .max_segments = 4};

class FileShardLogTest : public LogUser, public ::testing::Test {
 protected:
  FileShardLogTest() {
    fs::create_directory(logs_);
    auto kv = RocksKv::Open(parent_.path() + "/db", {.create = true});
    EXPECT_THAT(kv, IsOk());
    kv_ = *std::move(kv);
    Reopen();
  }

  absl::Status Open(Durability durability) {
    log_ = nullptr;
    TIMERD_ASSIGN_OR_RETURN(log_,
                            FileShardLog::Open(logs_, kShard, *kv_, durability, kThreeFrames));
    return absl::OkStatus();
  }
  void Reopen() { ASSERT_THAT(Open(Durability::kSync), IsOk()); }
  // Something that applying frames writes to the state, and may lose.
  void ChangeState() {
    WriteBatch batch;
    batch.Put("state", "changed");
    ASSERT_THAT(kv_->Write(batch, Durability::kMemory), IsOk());
  }
  std::vector<fs::path> FilesOnDisk() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(logs_)) {
      files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  void Overwrite(const fs::path& path, size_t offset, const std::string& bytes) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset));
    file << bytes;
  }

  TempDir parent_;
  const std::string logs_ = parent_.path() + "/log";
  std::unique_ptr<RocksKv> kv_;
};

TEST_F(FileShardLogTest, WritesOverTheFilesThatTheFlushedStateMakesSuperfluous) {
  for (uint64_t round = 0; round < 20; ++round) {
    Append(round * 10 + 1, round * 10 + 10);
    ChangeState();
    ASSERT_THAT(kv_->Flush(), IsOk());
    ASSERT_THAT(log_->Trim(round * 10 + 10), IsOk());
  }
  EXPECT_THAT(FilesOnDisk(), SizeIs(5));  // as ten frames may touch
  Reopen();
  EXPECT_THAT(Sequences(200), ElementsAre(200));
  Append(201, 201);
}

TEST_F(FileShardLogTest, KeepsWhatTheStateWouldLose) {
  Append(1, 10);
  ChangeState();
  ASSERT_THAT(log_->Trim(10), IsOk());
  Append(11, 20);
  Reopen();
  EXPECT_THAT(Sequences(1), SizeIs(20));
  // And what is flushed, but no file as a whole.
  ASSERT_THAT(log_->Trim(2), IsOk());
  ASSERT_THAT(kv_->Flush(), IsOk());
  ASSERT_THAT(log_->Trim(2), IsOk());
  Append(21, 30);
  Reopen();
  EXPECT_THAT(Sequences(3), SizeIs(28));
}

TEST_F(FileShardLogTest, HasTheStateFlushedWhenItKeepsManyFiles) {
  ChangeState();
  const uint64_t written = kv_->written();
  Append(1, 12);
  ASSERT_THAT(log_->Trim(12), IsOk());
  EXPECT_EQ(kv_->flushed(), 0U);  // four files
  Append(13, 13);
  ASSERT_THAT(log_->Trim(13), IsOk());
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (kv_->flushed() < written && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  EXPECT_EQ(kv_->flushed(), written);
}

TEST_F(FileShardLogTest, TrimsBesideAppends) {
  constexpr uint64_t kFrames = 300;
  std::atomic<uint64_t> appended = 0;
  std::thread trims([&] {
    while (appended < kFrames) {
      ChangeState();
      ASSERT_THAT(kv_->Flush(), IsOk());
      ASSERT_THAT(log_->Trim(appended), IsOk());
    }
  });
  for (uint64_t sequence = 1; sequence <= kFrames; ++sequence) {
    Append(sequence, sequence);
    appended = sequence;
  }
  trims.join();
  Reopen();
  EXPECT_THAT(Sequences(kFrames), ElementsAre(kFrames));
  EXPECT_LT(FilesOnDisk().size(), kFrames / 3);
}

TEST_F(FileShardLogTest, GivesBackWhatABurstTook) {
  Append(1, 100);
  ASSERT_THAT(FilesOnDisk(), SizeIs(34));
  ChangeState();
  ASSERT_THAT(kv_->Flush(), IsOk());
  ASSERT_THAT(log_->Trim(100), IsOk());
  EXPECT_THAT(FilesOnDisk(), SizeIs(1 + kThreeFrames.max_segments));
  Reopen();
  EXPECT_THAT(Sequences(100), ElementsAre(100));
}

TEST_F(FileShardLogTest, TakesAFrameThatIsLargerThanAFile) {
  Append(1, 1);
  Frame large = EmptyFrame(kShard, 2);
  large.add_operations()->mutable_put()->set_state(
      std::string(10 * kThreeFrames.segment_bytes, 's'));
  ASSERT_THAT(log_->Append(large), IsOk());
  Append(3, 3);
  Reopen();
  std::vector<std::string> read;
  ASSERT_THAT(log_->Read(1,
                         [&](const Frame& frame) {
                           read.push_back(frame.SerializeAsString());
                           return absl::OkStatus();
                         }),
              IsOk());
  ASSERT_THAT(read, SizeIs(3));
  EXPECT_EQ(read[1], large.SerializeAsString());
}

TEST_F(FileShardLogTest, ReadsNoFrameThatWasWrittenOver) {
  Append(1, 9);
  ChangeState();
  ASSERT_THAT(kv_->Flush(), IsOk());
  ASSERT_THAT(log_->Trim(9), IsOk());
  Append(10, 10);  // behind it lie two of before
  Reopen();
  EXPECT_THAT(Sequences(10), ElementsAre(10));
  Append(11, 11);
  Reopen();
  EXPECT_THAT(Sequences(10), ElementsAre(10, 11));
}

TEST_F(FileShardLogTest, ReportsAMissingFile) {
  Append(1, 9);
  log_ = nullptr;
  fs::remove(FilesOnDisk()[1]);
  Reopen();
  absl::Status status;
  EXPECT_THAT(Sequences(1, &status), ElementsAre(1, 2, 3));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("shard 3"), HasSubstr("frame 4 is missing"), HasSubstr("restore")));
}

TEST_F(FileShardLogTest, ReportsADamagedHeader) {
  Append(1, 9);
  log_ = nullptr;
  const fs::path damaged = FilesOnDisk()[2];
  Overwrite(damaged, 12, "x");
  const absl::Status status = Open(Durability::kSync);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(damaged.string()), HasSubstr("header"), HasSubstr("restore")));
}

TEST_F(FileShardLogTest, ReportsADamagedFrameBeforeTheLastFile) {
  Append(1, 9);
  log_ = nullptr;
  Overwrite(FilesOnDisk()[1], 3 * kLogBlock + 9, "x");  // the last one in there
  Reopen();
  absl::Status status;
  EXPECT_THAT(Sequences(1, &status), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("frame 6 is missing"));
}

TEST_F(FileShardLogTest, ReportsAFileOfAnotherShard) {
  Append(1, 1);
  fs::copy(FilesOnDisk()[0], logs_ + "/4-0.frames");
  const absl::Status status =
      FileShardLog::Open(logs_, 4, *kv_, Durability::kSync, kThreeFrames).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("it says that it is of shard 3"));
}

TEST_F(FileShardLogTest, UsesAFileThatWasMadeAndNeverWritten) {
  log_ = nullptr;
  std::ofstream(logs_ + "/3-0.frames") << std::string(kThreeFrames.segment_bytes, '\0');
  Reopen();
  Append(1, 3);
  EXPECT_THAT(FilesOnDisk(), SizeIs(1));
}

TEST_F(FileShardLogTest, RemovesAFileThatACrashKeptFromBeingMade) {
  Append(1, 3);
  log_ = nullptr;
  std::ofstream(logs_ + "/3-7.frames").flush();
  Reopen();
  EXPECT_THAT(FilesOnDisk(), SizeIs(1));
  EXPECT_THAT(Sequences(1), SizeIs(3));
}

TEST_F(FileShardLogTest, RefusesToEndBeforeTheState) {
  Append(1, 5);
  Reopen();
  absl::Status status;
  EXPECT_THAT(Sequences(6), IsEmpty());
  EXPECT_THAT(Sequences(7, &status), IsEmpty());
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("it ends with frame 5, and 6 was written"));
}

TEST_F(FileShardLogTest, GoesOnAfterThePowerLossOfALogThatIsNotSynced) {
  Append(1, 5);
  ASSERT_THAT(Open(Durability::kOs), IsOk());
  EXPECT_THAT(Sequences(9), IsEmpty());
  Append(9, 12);
  ASSERT_THAT(Open(Durability::kOs), IsOk());
  EXPECT_THAT(Sequences(9), ElementsAre(9, 10, 11, 12));
}

// The disk is this thread's own, so that nothing that makes other threads comes before it.
TEST(FileShardLogDiskTest, TakesSmallerFilesWhereThereIsNoRoomAndSaysWhenThereIsNone) {
  if (const absl::Status allowed = timerd::testing::SmallDisk::Allow(); !allowed.ok()) {
    GTEST_SKIP() << "needs a file system of its own: " << allowed;
  }
  const timerd::testing::SmallDisk disk(1 << 20);
  TempDir parent;
  const auto kv = RocksKv::Open(parent.path() + "/db", {.create = true});
  ASSERT_THAT(kv, IsOk());
  const auto open = [&] {
    return FileShardLog::Open(disk.path(), 3, **kv, Durability::kSync, FileShardLogOptions());
  };
  uint64_t appended = 0;
  {
    const auto log = open();
    ASSERT_THAT(log, IsOk());
    absl::Status status;
    while ((status = (*log)->Append(EmptyFrame(3, appended + 1))).ok()) {
      ++appended;
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(disk.path()), HasSubstr("make room on the disk")));
  }
  EXPECT_GT(appended, 200U);  // of the 256 blocks that there are
  uint64_t read = 0;
  ASSERT_THAT((*open())->Read(1,
                              [&](const Frame&) {
                                ++read;
                                return absl::OkStatus();
                              }),
              IsOk());
  EXPECT_EQ(read, appended);
}

// ---- The bytes of one file ----

std::string SegmentOf(const std::vector<Frame>& frames) {
  std::string bytes(kLogBlock, '\0');
  EncodeSegmentHeader(frames.front().shard(), frames.front().sequence(), absl::MakeSpan(bytes));
  for (const Frame& frame : frames) {
    bytes += *EncodeFrame(frame);
    bytes.resize(RoundUpToBlock(bytes.size()));
  }
  return bytes;
}

TEST(LogSegmentTest, EndsBeforeAFrameThatIsCutShortAnywhere) {
  FrameMaker maker(3, /*seed=*/1);
  std::vector<Frame> frames;
  while (frames.size() < 2 || frames.back().operations_size() < 2) {
    frames.push_back(maker.Next());
  }
  const std::string whole = SegmentOf(frames);
  const std::string before = SegmentOf({frames.begin(), frames.end() - 1});
  const size_t size = *EncodedSize(frames.back());
  for (size_t cut = 0; cut <= size; ++cut) {
    std::string bytes = whole;
    std::fill(bytes.begin() + static_cast<ptrdiff_t>(before.size() + cut), bytes.end(), '\x5a');
    const auto end = ReadSegment(3, 1, bytes, [](const Frame&) { return absl::OkStatus(); });
    ASSERT_THAT(end, IsOk());
    EXPECT_EQ(end->next, frames.size() + (cut == size ? 1 : 0)) << cut;
    EXPECT_EQ(end->used, cut == size ? whole.size() : before.size()) << cut;
  }
}

TEST(LogSegmentTest, RefusesEveryFlippedBitOfAFrameBeforeTheLast) {
  const std::string whole = SegmentOf({EmptyFrame(3, 7), EmptyFrame(3, 8)});
  for (size_t bit = 0; bit < 8 * *EncodedSize(EmptyFrame(3, 7)); ++bit) {
    std::string bytes = whole;
    bytes[kLogBlock + bit / 8] ^= static_cast<char>(1 << bit % 8);
    const auto end = ReadSegment(3, 7, bytes, [](const Frame&) { return absl::OkStatus(); });
    EXPECT_EQ(end.status().code(), absl::StatusCode::kDataLoss) << bit;
    EXPECT_THAT(std::string(end.status().message()), HasSubstr("frame 7 is damaged"));
  }
}

TEST(LogSegmentTest, RefusesEveryFlippedBitOfAHeader) {
  std::string block(kLogBlock, 'x');
  EncodeSegmentHeader(3, 0x1234567890, absl::MakeSpan(block));
  ASSERT_EQ(*DecodeSegmentHeader(3, block), 0x1234567890U);
  for (size_t bit = 0; bit < size_t{8} * 24; ++bit) {
    std::string damaged = block;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_EQ(DecodeSegmentHeader(3, damaged).status().code(), absl::StatusCode::kDataLoss) << bit;
  }
}

}  // namespace
}  // namespace timerd::store
