// What the store costs on this disk and CPU:  build/release/tests/bench/store_bench
//
// Directories are made under $TMPDIR, which should lie on the disk in question.
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "server/base/check.h"
#include "server/store/data_directory.h"
#include "server/store/kv_state_store.h"
#include "tests/support/temp_dir.h"

namespace timerd::store {
namespace {

// A fresh database with shard 0 of it.
struct Shard {
  explicit Shard(Durability durability) {
    auto opened = DataDirectory::Open(dir.path() + "/data", {.shards = 1});
    TIMERD_CHECK(opened.ok());
    directory = *std::move(opened);
    auto opened_log = directory->OpenLog(0, durability);
    TIMERD_CHECK(opened_log.ok());
    log = *std::move(opened_log);
    auto opened_store = KvStateStore::Open(directory->kv(), 0);
    TIMERD_CHECK(opened_store.ok());
    store = *std::move(opened_store);
  }

  TempDir dir;
  std::unique_ptr<DataDirectory> directory;
  std::unique_ptr<ShardLog> log;
  std::unique_ptr<KvStateStore> store;
};

std::string Id(uint64_t number) { return absl::StrCat("service/order/", number); }

// The next frame: `operations` new timers, of which `number` is the first.
Frame MakeFrame(uint64_t sequence, uint64_t number, uint64_t operations) {
  Frame frame;
  frame.set_sequence(sequence);
  for (uint64_t i = 0; i < operations; ++i) {
    storage::v1::Put& put = *frame.add_operations()->mutable_put();
    put.set_key(Id(number + i));
    put.set_spec(std::string(48, 's'));
    put.set_state(std::string(32, 't'));
    storage::v1::DueKey& due = *put.add_armed();
    // Deadlines in no order, as they come.
    due.set_deadline_ns(static_cast<int64_t>((number + i) * 0x9e3779b97f4a7c15 >> 4));
    due.set_place(number + i);
  }
  return frame;
}

// The memory of the process, in MiB.
double ResidentMib() {
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0;
  file >> pages >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

void Append(benchmark::State& state, Durability durability) {
  Shard shard(durability);
  const auto operations = static_cast<uint64_t>(state.range(0));
  Frame frame = MakeFrame(0, 0, operations);
  for (auto _ : state) {
    frame.set_sequence(frame.sequence() + 1);
    TIMERD_CHECK(shard.log->Append(frame).ok());
  }
  state.counters["frames/s"] =
      benchmark::Counter(static_cast<double>(frame.sequence()), benchmark::Counter::kIsRate);
  state.SetItemsProcessed(static_cast<int64_t>(frame.sequence() * operations));
}
// In files of their own, as the server has them.
BENCHMARK_CAPTURE(Append, sync, Durability::kSync)->Arg(1)->Arg(64)->Arg(1000)->UseRealTime();
BENCHMARK_CAPTURE(Append, os, Durability::kOs)->Arg(1)->Arg(64)->Arg(1000)->UseRealTime();

void Apply(benchmark::State& state) {
  Shard shard(Durability::kOs);
  const auto operations = static_cast<uint64_t>(state.range(0));
  uint64_t sequence = 0;
  uint64_t number = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const Frame frame = MakeFrame(++sequence, number, operations);
    number += operations;
    state.ResumeTiming();
    TIMERD_CHECK(shard.store->Apply(frame).ok());
  }
  state.SetItemsProcessed(static_cast<int64_t>(number));
}
BENCHMARK(Apply)->Arg(64)->Arg(1000)->UseRealTime();

// A million timers, made once, appended and applied as the server does.
Shard& Million() {
  static Shard* const shard = [] {
    auto* made = new Shard(Durability::kOs);
    for (uint64_t sequence = 1; sequence <= 1000; ++sequence) {
      const Frame frame = MakeFrame(sequence, (sequence - 1) * 1000, 1000);
      TIMERD_CHECK(made->log->Append(frame).ok() && made->store->Apply(frame).ok() &&
                   made->log->Trim(sequence).ok());
    }
    TIMERD_CHECK(made->store->Checkpoint().ok());
    return made;
  }();
  return *shard;
}

void ScanDue(benchmark::State& state) {
  Shard& shard = Million();
  int64_t scanned = 0;
  for (auto _ : state) {
    TIMERD_CHECK(shard.store
                     ->ScanDue(Timeline::kService, std::nullopt, Instant::max(),
                               [&](const DueKey&, absl::string_view) {
                                 ++scanned;
                                 return true;
                               })
                     .ok());
  }
  state.SetItemsProcessed(scanned);
  state.counters["RSS_MiB"] = ResidentMib();
}
BENCHMARK(ScanDue)->UseRealTime()->Unit(benchmark::kMillisecond);

void Get(benchmark::State& state, uint64_t offset) {
  Shard& shard = Million();
  uint64_t i = 0;
  for (auto _ : state) {
    i = (i + 0x9e3779b97f4a7c15) % 1000000;
    const auto record = shard.store->Get(Id(i + offset));
    TIMERD_CHECK(record.ok() && record->has_value() == (offset == 0));
  }
  state.counters["RSS_MiB"] = ResidentMib();
}
BENCHMARK_CAPTURE(Get, present, 0);
BENCHMARK_CAPTURE(Get, absent, 1000000);

// How long a start waits to find the end of a log that has been trimmed.
void OpenLog(benchmark::State& state) {
  Shard& shard = Million();
  for (auto _ : state) {
    TIMERD_CHECK(shard.directory->OpenLog(0, Durability::kOs).ok());
  }
}
BENCHMARK(OpenLog)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace timerd::store
