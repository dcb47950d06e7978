// Processes killed in the middle of writing, and disks that damage what they hold.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/store/data_directory.h"
#include "server/store/frame_codec.h"
#include "server/store/keys.h"
#include "server/store/log_segment.h"
#include "tests/store/recovery.h"
#include "tests/support/temp_dir.h"

namespace timerd::store {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// The files of `directory` that end in `extension`, oldest first.
std::vector<fs::path> Files(const fs::path& directory, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == extension && entry.file_size() > 0) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

class StoreCrashTest : public testing::TestWithParam<std::string> {
 protected:
  StoreCrashTest() { WriteFile(progress_, std::string(2 * sizeof(uint64_t), '\0')); }

  Durability durability() const {
    return GetParam() == "sync" ? Durability::kSync : Durability::kOs;
  }

  // Runs a child until it has killed itself after `frames` more frames of shard 0.
  void RunUntilKilled(uint64_t frames) {
    std::array<std::string, 6> arguments = {TIMERD_CRASH_CHILD, data_,
                                            progress_,          std::to_string(seed_),
                                            GetParam(),         std::to_string(frames)};
    std::array<char*, 7> argv{};
    for (size_t i = 0; i < arguments.size(); ++i) {
      argv[i] = arguments[i].data();
    }
    pid_t child = 0;
    ASSERT_EQ(posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  }
  // The same, and leaves a log with something in it: a memtable may just have been written out.
  void RunUntilKilledWithALog(uint64_t frames) {
    do {
      RunUntilKilled(frames);
    } while (!HasFatalFailure() && Files(data_, ".log").empty());
  }
  // The directory as the crash left it.
  fs::path Copy() {
    fs::path copy = parent_.path() + "/copy";
    fs::remove_all(copy);
    fs::copy(data_, copy, fs::copy_options::recursive);
    return copy;
  }
  RecoveredShard Recover(DataDirectory& directory, uint32_t shard) {
    return {OpenSmallLog(directory, shard, durability()), directory.kv(), shard, seed_};
  }
  std::array<uint64_t, 2> Acknowledged() {
    std::array<uint64_t, 2> sequences{};
    const std::string bytes = ReadFile(progress_);
    TIMERD_CHECK(bytes.size() == sizeof(sequences));
    std::memcpy(sequences.data(), bytes.data(), sizeof(sequences));
    return sequences;
  }

  const uint64_t seed_ = TestSeed();
  std::mt19937_64 random_{seed_};
  TempDir parent_;
  const std::string data_ = parent_.path() + "/data";
  const std::string progress_ = parent_.path() + "/progress";
};

INSTANTIATE_TEST_SUITE_P(Durabilities, StoreCrashTest,
                         testing::Values(std::string("os"), std::string("sync")),
                         [](const auto& param) { return param.param; });

TEST_P(StoreCrashTest, RecoversEveryAcknowledgedFrameOfEveryShardAfterKill9) {
  constexpr int kCrashes = 10;
  uint64_t replayed = 0;
  int states_on_disk = 0;
  for (int crash = 0; crash < kCrashes; ++crash) {
    // A sync costs much more, and fewer frames fill as many memtables over the rounds.
    RunUntilKilled(1 + random_() % (durability() == Durability::kSync ? 200 : 2000));
    const std::array<uint64_t, 2> acknowledged = Acknowledged();
    // A copy, so that the next child meets the directory as the crash left it.
    const fs::path copy = Copy();
    auto directory = DataDirectory::Open(copy, {});
    ASSERT_TRUE(directory.ok()) << directory.status();
    for (uint32_t shard : {0, 1}) {
      const RecoveredShard recovered = Recover(**directory, shard);
      EXPECT_GE(recovered.log_end(), acknowledged[shard]) << "shard " << shard;
      EXPECT_LE(recovered.log_end(), acknowledged[shard] + 1) << "shard " << shard;
      replayed += recovered.replayed();
      states_on_disk += recovered.replayed() < recovered.log_end();
    }
    ASSERT_FALSE(HasFailure()) << "crash " << crash;
  }
  // Both halves of the claim were met.
  EXPECT_GT(replayed, 0U);
  EXPECT_GT(states_on_disk, 0);
}

// The file of the log that shard 0 wrote to last, and where each frame in it begins and ends.
struct LastFile {
  fs::path path;
  std::string bytes;
  std::vector<std::pair<size_t, size_t>> frames;
};
LastFile FindLastFile(const fs::path& directory) {
  LastFile last;
  uint64_t last_first = 0;
  for (const fs::path& path : Files(directory / "log", ".frames")) {
    const std::string bytes = ReadFile(path);
    const absl::StatusOr<uint64_t> first = DecodeSegmentHeader(0, bytes);
    if (first.ok() && *first > last_first) {
      last_first = *first;
      last = {path, bytes, {}};
    }
  }
  size_t at = kLogBlock;
  const auto end = ReadSegment(0, last_first, last.bytes, [&](const Frame& frame) {
    const size_t size = *EncodedSize(frame);
    last.frames.emplace_back(at, at + size);
    at += RoundUpToBlock(size);
    return absl::OkStatus();
  });
  TIMERD_CHECK(end.ok());
  return last;
}

TEST_P(StoreCrashTest, ToleratesALastFrameThatIsCutShort) {
  LastFile last;
  do {
    RunUntilKilled(301);
    last = FindLastFile(data_);
    // What is applied may be in a table, and must not be missing then.
  } while (!HasFatalFailure() &&
           (last.frames.size() < 2 || Acknowledged()[0] % RecoveredShard::kGathered == 0));
  const auto log_end = [&](const fs::path& path) {
    auto directory = DataDirectory::Open(path, {});
    TIMERD_CHECK(directory.ok());
    return Recover(**directory, 0).log_end();
  };
  const uint64_t whole = log_end(Copy());
  const auto [begin, end] = last.frames.back();
  constexpr int kCuts = 40;
  for (int cut = 0; cut < kCuts; ++cut) {
    const fs::path copy = Copy();
    std::string bytes = last.bytes;
    const size_t from = begin + random_() % (end - begin);
    // With what a new file has there, or one that was written before.
    const std::string before(cut % 2 == 0 ? std::string(end - from, '\0')
                                          : bytes.substr(kLogBlock, end - from));
    bytes.replace(from, before.size(), before);
    if (bytes == last.bytes) {
      continue;  // it ended in zeros
    }
    WriteFile(copy / "log" / last.path.filename(), bytes);
    EXPECT_EQ(log_end(copy), whole - 1) << "cut at " << from - begin << " of " << end - begin;
  }
}

TEST_P(StoreCrashTest, RefusesAFrameWithAFlippedBit) {
  LastFile last;
  do {
    RunUntilKilled(300);
    last = FindLastFile(data_);
  } while (!HasFatalFailure() && last.frames.size() < 3);
  constexpr int kFlips = 50;
  for (int flip = 0; flip < kFlips; ++flip) {
    const fs::path copy = Copy();
    const auto [begin, end] = last.frames[random_() % (last.frames.size() - 1)];
    std::string bytes = last.bytes;
    bytes[begin + random_() % (end - begin)] ^= static_cast<char>(1 << random_() % 8);
    WriteFile(copy / "log" / last.path.filename(), bytes);
    auto directory = DataDirectory::Open(copy, {});
    ASSERT_TRUE(directory.ok()) << directory.status();
    const absl::Status status = (*directory)->OpenLog(0, durability()).status();
    ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(copy.string()));
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("restore"));
  }
}

TEST_P(StoreCrashTest, ToleratesADatabaseLogThatEndsAnywhere) {
  // One with two writes in it.
  std::string whole;
  do {
    RunUntilKilledWithALog(300);
    whole = ReadFile(Files(data_, ".log").back());
  } while (!HasFatalFailure() && whole.size() < 2000);
  constexpr int kCuts = 40;
  std::set<std::string> found;
  for (int cut = 0; cut < kCuts; ++cut) {
    const fs::path copy = Copy();
    WriteFile(Files(copy, ".log").back(), whole.substr(0, random_() % (whole.size() + 1)));
    auto directory = DataDirectory::Open(copy, {});
    ASSERT_TRUE(directory.ok()) << directory.status();
    found.insert((*directory)->kv().Get(SettingsKey("0"))->value_or("none"));
  }
  EXPECT_GT(found.size(), 1U);
}

TEST_P(StoreCrashTest, RefusesADatabaseLogWithAFlippedBit) {
  RunUntilKilledWithALog(300);
  const std::string whole = ReadFile(Files(data_, ".log").back());
  constexpr int kFlips = 50;
  for (int flip = 0; flip < kFlips; ++flip) {
    const fs::path copy = Copy();
    std::string damaged = whole;
    damaged[random_() % whole.size()] ^= static_cast<char>(1 << random_() % 8);
    WriteFile(Files(copy, ".log").back(), damaged);
    const absl::Status status = DataDirectory::Open(copy, {}).status();
    ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(copy.string()));
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("restore"));
  }
}

TEST_P(StoreCrashTest, NeverReadsWrongDataFromATableWithAFlippedBit) {
  RunUntilKilled(800);
  { ASSERT_TRUE(DataDirectory::Open(data_, {}).ok()); }  // recovers, and flushes
  const auto read_all = [](const std::string& path) -> absl::StatusOr<std::string> {
    auto directory = DataDirectory::Open(path, {});
    if (!directory.ok()) {
      return directory.status();
    }
    std::string all;
    const absl::Status status =
        (*directory)
            ->kv()
            .Scan("", std::string(70000, '\xff'),
                  [&](absl::string_view key, absl::string_view value) {
                    all.append(key.data(), key.size()).append(value.data(), value.size());
                    return true;
                  });
    return status.ok() ? absl::StatusOr<std::string>(all) : status;
  };
  const auto expected = read_all(data_);
  ASSERT_TRUE(expected.ok() && expected->size() > 10000U);
  const size_t tables = Files(data_, ".sst").size();
  ASSERT_GT(tables, 0U);
  constexpr int kFlips = 50;
  int refused = 0;
  for (int flip = 0; flip < kFlips; ++flip) {
    const fs::path copy = Copy();
    const fs::path table = Files(copy, ".sst")[random_() % tables];
    std::string bytes = ReadFile(table);
    const size_t byte = random_() % bytes.size();
    bytes[byte] ^= static_cast<char>(1 << random_() % 8);
    WriteFile(table, bytes);
    const auto found = read_all(copy);
    if (found.ok()) {
      EXPECT_TRUE(*found == *expected)
          << "byte " << byte << " of " << bytes.size() << " of " << table << ": " << found->size()
          << " bytes read instead of " << expected->size();
    } else {
      EXPECT_EQ(found.status().code(), absl::StatusCode::kDataLoss) << found.status();
      ++refused;
    }
  }
  EXPECT_GT(refused, kFlips / 2);
}

}  // namespace
}  // namespace timerd::store
