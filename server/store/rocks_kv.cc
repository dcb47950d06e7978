#include "server/store/rocks_kv.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"

namespace timerd::store {
namespace {

// Tables in the first level before they are merged into the next: each merge writes all of that.
constexpr int kLevel0Files = 16;
// So many that merging has fallen behind: whoever writes more has to wait.
constexpr int kMostLevel0Files = 32;
constexpr size_t kTableBytes = size_t{32} << 20;
// This part of the least that a batch is made tables of is worth a table apart: each costs two
// syncs.
constexpr size_t kLeastPartApart = 4;

rocksdb::Slice ToSlice(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }
absl::string_view ToView(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

absl::StatusCode CodeOf(const rocksdb::Status& status) {
  if (status.IsCorruption()) {
    return absl::StatusCode::kDataLoss;
  }
  // What comes after a failure of a background thread is told as incomplete, with that as its text.
  if (status.IsNoSpace() ||
      (status.IsIncomplete() && absl::StrContains(status.ToString(), "No space left"))) {
    return absl::StatusCode::kResourceExhausted;
  }
  if (status.IsInvalidArgument()) {
    return absl::StatusCode::kFailedPrecondition;
  }
  return absl::StatusCode::kInternal;
}

absl::string_view WayOut(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kDataLoss:
      return "restore the directory from a backup, or move it away and start empty";
    case absl::StatusCode::kResourceExhausted:
      return "make room on the disk and restart the server";
    default:
      return "see to the cause and restart the server";
  }
}

absl::Status ToAbsl(const rocksdb::Status& status, absl::string_view path, absl::string_view what) {
  if (status.ok()) {
    return absl::OkStatus();
  }
  const absl::StatusCode code = CodeOf(status);
  return absl::Status(code, absl::StrCat("database in \"", path, "\" failed to ", what, ": ",
                                         status.ToString(), "; ", WayOut(code)));
}

rocksdb::Options DatabaseOptions(const RocksKvOptions& options) {
  rocksdb::Options database;
  database.create_if_missing = options.create;
  if (options.env != nullptr) {
    database.env = options.env;
  }
  // What a crash may leave and what only damage can: see the decision.
  database.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  database.paranoid_checks = true;
  // A failed write ends the server; RocksDB is not to take up work again behind our back.
  database.max_bgerror_resume_count = 0;

  database.write_buffer_size = options.write_buffer_bytes;
  database.max_write_buffer_number = 2;
  // Most ids that are looked up are new: the filter answers for them without a search.
  database.memtable_prefix_bloom_size_ratio = 0.05;
  database.memtable_whole_key_filtering = true;
  database.level0_file_num_compaction_trigger = kLevel0Files;
  database.level0_slowdown_writes_trigger = kMostLevel0Files;
  database.level0_stop_writes_trigger = 2 * kMostLevel0Files;
  database.target_file_size_base = kTableBytes;
  database.max_bytes_for_level_base = 4 * kTableBytes;
  // Levels are filled from the last one on: most of what is there need not pass through all.
  database.level_compaction_dynamic_level_bytes = true;
  // What has just been written is soon merged with what comes after it, or deleted.
  database.compression_per_level = {rocksdb::kNoCompression, rocksdb::kNoCompression,
                                    rocksdb::kLZ4Compression};
  // Who waits for another's sync sleeps, rather than to take turns with those who could work.
  database.enable_write_thread_adaptive_yield = false;
  // One flush and one compaction at a time.
  database.max_background_jobs = 2;
  database.max_open_files = 256;
  database.bytes_per_sync = 1 << 20;
  database.skip_stats_update_on_db_open = true;

  rocksdb::BlockBasedTableOptions table;
  // Few shards: a filter block takes hundreds of KiB and must fit into one.
  constexpr int kCacheShardBits = 2;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes, kCacheShardBits);
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  database.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  // RocksDB's own log and manifest stay small.
  database.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  database.max_log_file_size = 1 << 20;
  database.keep_log_file_num = 2;
  database.max_manifest_file_size = 4 << 20;
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  return database;
}

// What WriteSorted() makes, until RocksDB has taken it over.
constexpr absl::string_view kTablePrefix = "sorted-";

// Tables that a crash left behind before RocksDB knew of them.
absl::Status RemoveUnusedTables(const rocksdb::DB& db, const std::string& path) {
  std::vector<std::string> names;
  TIMERD_RETURN_IF_ERROR(ToAbsl(db.GetEnv()->GetChildren(path, &names), path, "be listed"));
  for (const std::string& name : names) {
    if (absl::StartsWith(name, kTablePrefix)) {
      TIMERD_RETURN_IF_ERROR(ToAbsl(db.GetEnv()->DeleteFile(absl::StrCat(path, "/", name)), path,
                                    absl::StrCat("remove ", name)));
    }
  }
  return absl::OkStatus();
}

// Without this, RocksDB 7.8 would drop the keys of tables whose first block is damaged and report
// no error: see decision 2. Damage elsewhere shows when it is read; but what was written last, and
// so is the most likely to be damaged by what ended the server, is read whole.
absl::Status VerifyTables(rocksdb::DB& db, const std::string& path, uint64_t verify_bytes) {
  std::vector<rocksdb::LiveFileMetaData> tables;
  db.GetLiveFilesMetaData(&tables);
  std::sort(tables.begin(), tables.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.level, b.file_number) < std::tuple(b.level, a.file_number);
  });
  for (const rocksdb::LiveFileMetaData& table : tables) {
    rocksdb::SstFileReader reader(db.GetOptions());
    rocksdb::Status status = reader.Open(table.db_path + table.name);
    if (status.ok() && table.size <= verify_bytes) {
      verify_bytes -= table.size;
      status = reader.VerifyChecksum();
    } else if (status.ok()) {
      const std::unique_ptr<rocksdb::Iterator> first(reader.NewIterator(rocksdb::ReadOptions()));
      first->SeekToFirst();
      status = first->status();
    }
    TIMERD_RETURN_IF_ERROR(ToAbsl(status, path, "verify its tables"));
  }
  return absl::OkStatus();
}

}  // namespace

// How far memtables have become tables, which they do in their order.
class RocksKv::Flushed final : public rocksdb::EventListener {
 public:
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& flush) override {
    Reach(flush.largest_seqno);
  }
  void Reach(uint64_t number) {
    uint64_t known = number_.load(std::memory_order_relaxed);
    while (known < number && !number_.compare_exchange_weak(known, number)) {
    }
  }
  uint64_t reached() const { return number_.load(std::memory_order_acquire); }

 private:
  std::atomic<uint64_t> number_{0};
};

absl::StatusOr<std::unique_ptr<RocksKv>> RocksKv::Open(const std::string& path,
                                                       const RocksKvOptions& options) {
  rocksdb::DB* db = nullptr;
  rocksdb::Options database = DatabaseOptions(options);
  const auto flushed = std::make_shared<Flushed>();
  database.listeners.push_back(flushed);
  TIMERD_RETURN_IF_ERROR(ToAbsl(rocksdb::DB::Open(database, path, &db), path, "open"));
  auto kv = std::unique_ptr<RocksKv>(
      new RocksKv(path, options, std::unique_ptr<rocksdb::DB>(db), flushed));
  TIMERD_RETURN_IF_ERROR(RemoveUnusedTables(*db, path));
  // Merges that begin at once must not take away what is being verified.
  TIMERD_RETURN_IF_ERROR(ToAbsl(db->DisableFileDeletions(), path, "keep its tables"));
  const absl::Status verified = VerifyTables(*db, path, options.verify_bytes);
  TIMERD_RETURN_IF_ERROR(
      ToAbsl(db->EnableFileDeletions(/*force=*/false), path, "let go of its tables"));
  TIMERD_RETURN_IF_ERROR(verified);
  return kv;
}

RocksKv::RocksKv(std::string path, const RocksKvOptions& options, std::unique_ptr<rocksdb::DB> db,
                 std::shared_ptr<Flushed> flushed)
    : path_(std::move(path)),
      least_table_bytes_(options.least_table_bytes),
      db_(std::move(db)),
      flushed_(std::move(flushed)) {}

RocksKv::~RocksKv() = default;

absl::Status RocksKv::Failure() const {
  if (!failed_.load(std::memory_order_acquire)) {
    return absl::OkStatus();
  }
  MutexLock lock(mutex_);
  return failure_;
}

absl::Status RocksKv::Remember(const rocksdb::Status& status, absl::string_view what) {
  absl::Status result = ToAbsl(status, path_, what);
  if (!result.ok()) {
    MutexLock lock(mutex_);
    if (failure_.ok()) {
      failure_ = result;
    }
    failed_.store(true, std::memory_order_release);
  }
  return result;
}

absl::Status RocksKv::Write(const WriteBatch& batch, Durability durability) {
  TIMERD_RETURN_IF_ERROR(Failure());
  // A tag and two lengths a change, at most.
  rocksdb::WriteBatch changes(batch.bytes() + 16 * (batch.size() + 1));
  batch.ForEach([&](absl::string_view key,
                    absl::string_view value) { changes.Put(ToSlice(key), ToSlice(value)); },
                [&](absl::string_view key) { changes.Delete(ToSlice(key)); });
  rocksdb::WriteOptions options;
  options.disableWAL = durability == Durability::kMemory;
  options.sync = durability == Durability::kSync;
  if (durability != Durability::kMemory) {
    return Remember(db_->Write(options, &changes), "write");
  }
  const MutexLock lock(order_mutex_);
  memtable_is_ahead_ = true;
  return Remember(db_->Write(options, &changes), "write");
}

absl::Status RocksKv::WriteSorted(const WriteBatch& batch) {
  if (batch.bytes() < least_table_bytes_ || IsLevel0Full()) {
    return Write(batch, Durability::kMemory);
  }
  TIMERD_RETURN_IF_ERROR(Failure());
  TIMERD_ASSIGN_OR_RETURN(
      const std::vector<TablePart> parts,
      DivideIntoParts(batch, least_table_bytes_ / kLeastPartApart,
                      [this](auto first, auto last) { return LastKey(first, last); }));
  std::vector<std::string> files;
  for (const TablePart& part : parts) {
    files.push_back(absl::StrCat(path_, "/", kTablePrefix, tables_.fetch_add(1)));
    TIMERD_RETURN_IF_ERROR(Remember(WriteTable(batch, part, files.back()), "write a table"));
  }
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  const MutexLock lock(order_mutex_);
  // A crash must not leave the table without the kMemory writes before it. RocksDB sees to those
  // between the keys of the table only.
  if (memtable_is_ahead_) {
    TIMERD_RETURN_IF_ERROR(Flush());
    memtable_is_ahead_ = false;
  }
  TIMERD_RETURN_IF_ERROR(Remember(db_->IngestExternalFile(files, options), "take a table"));
  flushed_->Reach(written());
  return absl::OkStatus();
}

rocksdb::Status RocksKv::WriteTable(const WriteBatch& batch, const TablePart& part,
                                    const std::string& file) const {
  rocksdb::Options options = db_->GetOptions();
  // Of the level where it goes: the last, or the first.
  options.compression = part.apart ? options.compression_per_level.back() : rocksdb::kNoCompression;
  options.compression_per_level.clear();
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options);
  rocksdb::Status status = writer.Open(file);
  for (size_t i = part.first; i < part.last && status.ok(); ++i) {
    status = batch.IsPut(i) ? writer.Put(ToSlice(batch.key(i)), ToSlice(batch.value(i)))
                            : writer.Delete(ToSlice(batch.key(i)));
  }
  return status.ok() ? writer.Finish() : status;
}

absl::StatusOr<std::optional<std::string>> RocksKv::LastKey(absl::string_view first,
                                                            absl::string_view last) const {
  const rocksdb::Slice begin = ToSlice(first);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &begin;
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(options));
  iterator->SeekForPrev(ToSlice(last));
  TIMERD_RETURN_IF_ERROR(ToAbsl(iterator->status(), path_, "read"));
  return iterator->Valid() ? std::optional<std::string>(iterator->key().ToString()) : std::nullopt;
}

bool RocksKv::IsLevel0Full() const {
  std::string files;
  int count = 0;
  return db_->GetProperty(rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &files) &&
         absl::SimpleAtoi(files, &count) && count >= kMostLevel0Files;
}

absl::StatusOr<std::optional<std::string>> RocksKv::Get(absl::string_view key) const {
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (status.IsNotFound()) {
    return std::optional<std::string>();
  }
  TIMERD_RETURN_IF_ERROR(ToAbsl(status, path_, "read"));
  return std::optional<std::string>(std::move(value));
}

absl::StatusOr<OrderedKv::Values> RocksKv::GetMany(absl::Span<const std::string> keys) const {
  const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> read(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), slices.size(), slices.data(),
                read.data(), statuses.data());
  Values values(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!statuses[i].IsNotFound()) {
      TIMERD_RETURN_IF_ERROR(ToAbsl(statuses[i], path_, "read"));
      values[i].emplace(read[i].data(), read[i].size());
    }
  }
  return values;
}

absl::Status RocksKv::Scan(
    absl::string_view first, absl::string_view last,
    absl::FunctionRef<bool(absl::string_view key, absl::string_view value)> visit) const {
  const rocksdb::Slice end = ToSlice(last);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(options));
  for (iterator->Seek(ToSlice(first)); iterator->Valid(); iterator->Next()) {
    if (!visit(ToView(iterator->key()), ToView(iterator->value()))) {
      break;
    }
  }
  return ToAbsl(iterator->status(), path_, "read");
}

absl::Status RocksKv::Flush() {
  TIMERD_RETURN_IF_ERROR(Failure());
  return Remember(db_->Flush(rocksdb::FlushOptions()), "flush");
}

uint64_t RocksKv::written() const { return db_->GetLatestSequenceNumber(); }

uint64_t RocksKv::flushed() const { return flushed_->reached(); }

absl::StatusOr<bool> RocksKv::StartFlush() {
  TIMERD_RETURN_IF_ERROR(Failure());
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;  // nor for what is being flushed already
  const rocksdb::Status begun = db_->Flush(options);
  if (begun.IsTryAgain()) {
    return false;
  }
  TIMERD_RETURN_IF_ERROR(Remember(begun, "flush"));
  return true;
}

}  // namespace timerd::store
