#include "server/store/data_directory.h"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/keys.h"
#include "tests/support/temp_dir.h"
#include "timerd/storage/v1/storage.pb.h"

namespace timerd::store {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class DataDirectoryTest : public testing::Test {
 protected:
  absl::StatusOr<uint32_t> Shards(uint32_t requested, uint32_t default_shards = 4) {
    auto directory =
        DataDirectory::Open(path_, {.shards = requested, .default_shards = default_shards});
    if (!directory.ok()) {
      return directory.status();
    }
    return (*directory)->shards();
  }
  void ExpectRefused(absl::StatusCode code, const std::vector<std::string>& words) {
    const absl::Status status = Shards(0).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
    for (const std::string& word : words) {
      EXPECT_THAT(std::string(status.message()), HasSubstr(word));
    }
  }
  void WriteSuperblock(const std::string& bytes) {
    auto directory = DataDirectory::Open(path_, {.default_shards = 4});
    ASSERT_TRUE(directory.ok());
    WriteBatch batch;
    batch.Put(SuperblockKey(), bytes);
    ASSERT_TRUE((*directory)->kv().Write(batch, Durability::kSync).ok());
  }
  void WriteFile(const std::string& name, const std::string& bytes) {
    std::ofstream(path_ + "/" + name, std::ios::binary) << bytes;
  }

  TempDir parent_;
  const std::string path_ = parent_.path() + "/data";
};

TEST_F(DataDirectoryTest, IsMadeForItsOwnerOnly) {
  EXPECT_EQ(*Shards(0), 4U);
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(DataDirectoryTest, KeepsTheNumberOfShardsItWasMadeWith) {
  EXPECT_EQ(*Shards(7), 7U);
  EXPECT_EQ(*Shards(0), 7U);
  EXPECT_EQ(*Shards(7), 7U);
}

TEST_F(DataDirectoryTest, RefusesAnotherNumberOfShards) {
  ASSERT_TRUE(Shards(7).ok());
  const absl::Status status = Shards(8).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(path_), HasSubstr("7"), HasSubstr("--shards=8")));
  EXPECT_EQ(*Shards(0), 7U);
}

TEST_F(DataDirectoryTest, RefusesTheOtherKindOfClock) {
  for (const bool manual : {false, true}) {
    const std::string path = path_ + (manual ? "-manual" : "-real");
    EXPECT_TRUE(DataDirectory::Open(path, {.manual_clock = manual}).ok());
    EXPECT_TRUE(DataDirectory::Open(path, {.manual_clock = manual}).ok());
    const absl::Status status = DataDirectory::Open(path, {.manual_clock = !manual}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    const std::string made = manual ? "manual" : "real";
    const std::string asked = manual ? "real" : "manual";
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(path), HasSubstr("was made with --clock=" + made),
                      HasSubstr("--clock=" + asked + " was asked for"),
                      HasSubstr("start with --clock=" + made)));
    EXPECT_TRUE(DataDirectory::Open(path, {.manual_clock = manual}).ok());
  }
}

TEST_F(DataDirectoryTest, KeepsWhatWasWritten) {
  {
    auto directory = DataDirectory::Open(path_, {.default_shards = 4});
    ASSERT_TRUE(directory.ok());
    WriteBatch batch;
    batch.Put("Lkey", "value");
    ASSERT_TRUE((*directory)->kv().Write(batch, Durability::kMemory).ok());
  }
  auto directory = DataDirectory::Open(path_, {.default_shards = 4});
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(*(*directory)->kv().Get("Lkey"), std::optional<std::string>("value"));
}

TEST_F(DataDirectoryTest, IsRefusedWhileThisProcessHasIt) {
  auto directory = DataDirectory::Open(path_, {.default_shards = 4});
  ASSERT_TRUE(directory.ok());
  ExpectRefused(absl::StatusCode::kFailedPrecondition, {"in use by another server", "--data-dir"});
  directory->reset();
  EXPECT_TRUE(Shards(0).ok());
}

TEST_F(DataDirectoryTest, IsRefusedWhileAnotherProcessHasIt) {
  ASSERT_TRUE(Shards(0).ok());
  const std::string lock_file = path_ + "/timerd.lock";
  int ready[2];
  int done[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(done), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  char byte = 0;
  if (child == 0) {
    // System calls only: RocksDB's threads did not come along.
    close(done[1]);
    const int fd = open(lock_file.c_str(), O_RDWR);
    byte = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 1 : 0;
    [[maybe_unused]] const ssize_t told = write(ready[1], &byte, 1);
    [[maybe_unused]] const ssize_t waited = read(done[0], &byte, 1);
    _exit(0);
  }
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 1);
  ExpectRefused(absl::StatusCode::kFailedPrecondition, {"in use by another server"});
  close(done[1]);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(Shards(0).ok());
}

TEST_F(DataDirectoryTest, RefusesAnotherFormatVersion) {
  storage::v1::Superblock superblock;
  superblock.set_format_version(3);
  superblock.set_shards(4);
  WriteSuperblock(superblock.SerializeAsString());
  ExpectRefused(absl::StatusCode::kFailedPrecondition, {"format version 3", "reads 6"});
}

TEST_F(DataDirectoryTest, RefusesADamagedSuperblock) {
  WriteSuperblock("\xff\xff");
  ExpectRefused(absl::StatusCode::kDataLoss, {"superblock", "restore"});
}

TEST_F(DataDirectoryTest, RefusesASuperblockWithoutShards) {
  storage::v1::Superblock superblock;
  superblock.set_format_version(6);
  WriteSuperblock(superblock.SerializeAsString());
  ExpectRefused(absl::StatusCode::kDataLoss, {"0 shards", "restore"});
}

TEST_F(DataDirectoryTest, RefusesADirectoryOfOtherFilesAndLeavesItAlone) {
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  WriteFile("thesis.txt", "years of work");
  ExpectRefused(absl::StatusCode::kFailedPrecondition, {"thesis.txt", "--data-dir"});
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path_)) {
    ++entries;
  }
  EXPECT_EQ(entries, 1);
}

TEST_F(DataDirectoryTest, TakesAnEmptyFileSystemAndAFirstStartThatWasCutShort) {
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  ASSERT_EQ(mkdir((path_ + "/lost+found").c_str(), 0700), 0);
  WriteFile("LOCK", "");
  WriteFile("IDENTITY", "x");
  WriteFile("MANIFEST-000001", "half");
  WriteFile("000001.dbtmp", "half");
  const auto shards = Shards(0);
  EXPECT_TRUE(shards.ok()) << shards.status();
}

TEST_F(DataDirectoryTest, RefusesAnothersDatabase) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, path_, &db).ok());
  ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "theirs", "value").ok());
  delete db;
  ExpectRefused(absl::StatusCode::kFailedPrecondition, {"timerd did not make"});
}

TEST_F(DataDirectoryTest, RefusesAFileAndAMissingParent) {
  std::ofstream(path_.c_str()) << "a file";
  ExpectRefused(absl::StatusCode::kFailedPrecondition, {"cannot be read"});
  EXPECT_EQ(DataDirectory::Open(parent_.path() + "/a/b", {}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(DataDirectoryTest, ReportsAMissingCurrentFileAsDamage) {
  ASSERT_TRUE(Shards(0).ok());
  std::filesystem::remove(path_ + "/CURRENT");
  ExpectRefused(absl::StatusCode::kDataLoss, {"CURRENT", "restore", "move it away"});
}

TEST_F(DataDirectoryTest, ReportsADamagedManifestAsDamage) {
  ASSERT_TRUE(Shards(0).ok());
  int damaged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    if (entry.path().filename().string().rfind("MANIFEST-", 0) == 0) {
      std::fstream file(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
      file.seekp(20);
      file.put('\x55');
      ++damaged;
    }
  }
  ASSERT_EQ(damaged, 1);
  ExpectRefused(absl::StatusCode::kDataLoss, {"restore", "move it away"});
}

TEST_F(DataDirectoryTest, ReportsADirectoryWithoutItsTablesAsDamage) {
  ASSERT_TRUE(Shards(0).ok());
  int removed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    if (entry.path().extension() == ".sst") {
      removed += std::filesystem::remove(entry.path());
    }
  }
  ASSERT_GT(removed, 0);
  ExpectRefused(absl::StatusCode::kDataLoss, {"restore", "move it away"});
}

}  // namespace
}  // namespace timerd::store
