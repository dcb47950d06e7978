// Works on a data directory with one thread per shard until it kills itself: for store_crash_test.
//
// crash_child <directory> <progress file> <seed> <os|sync> <frames>
// The progress file is two uint64: the last sequence of each shard whose Append() has returned.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include "server/base/check.h"
#include "server/store/data_directory.h"
#include "server/store/keys.h"
#include "tests/store/recovery.h"

int main(int argc, char** argv) {
  using namespace timerd::store;
  TIMERD_CHECK(argc == 6);
  const uint64_t seed = std::strtoull(argv[3], nullptr, 10);
  const Durability durability =
      std::string(argv[4]) == "sync" ? Durability::kSync : Durability::kOs;
  const uint64_t frames = std::strtoull(argv[5], nullptr, 10);

  const int fd = open(argv[2], O_RDWR);
  TIMERD_CHECK(fd >= 0);
  void* mapped = mmap(nullptr, 2 * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  TIMERD_CHECK(mapped != MAP_FAILED);
  auto* progress = static_cast<std::atomic<uint64_t>*>(mapped);

  RocksKvOptions options;
  options.write_buffer_bytes = 64 << 10;  // many memtables, so that crashes meet their flushes
  options.least_table_bytes = 6 << 10;    // and now and then a table that passes them by
  auto directory = DataDirectory::Open(argv[1], {.shards = 2}, options);
  TIMERD_CHECK(directory.ok());

  const auto work = [&](uint32_t shard, bool kills) {
    RecoveredShard recovered(OpenSmallLog(**directory, shard, durability), (*directory)->kv(),
                             shard, seed);
    progress[shard] = recovered.log_end();  // with what was written, but not acknowledged, before
    for (uint64_t i = 1;; ++i) {
      TIMERD_CHECK(recovered.Step());
      progress[shard] = recovered.log_end();
      if (kills && i == frames) {
        kill(getpid(), SIGKILL);
      }
      if (i % 5 == 0) {
        WriteBatch settings;
        settings.Put(SettingsKey(std::to_string(shard)), std::string(i % 1000, 's'));
        TIMERD_CHECK((*directory)->kv().Write(settings, durability).ok());
      }
      if (i % 701 == 0) {
        TIMERD_CHECK(recovered.Checkpoint());
      }
    }
  };
  std::thread other(work, 1, false);
  work(0, true);
}
