#include "server/store/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/byte_size.h"
#include "server/base/status.h"
#include "server/store/free_space.h"
#include "server/store/keys.h"
#include "server/store/sync_directory.h"
#include "server/store/wal_check.h"
#include "timerd/storage/v1/storage.pb.h"

namespace timerd::store {
namespace {

using storage::v1::Superblock;

constexpr uint32_t kFormatVersion = 6;
constexpr char kLockFile[] = "timerd.lock";
constexpr char kLogDirectory[] = "log";
// For the files that each start writes, besides what is in the logs.
constexpr uint64_t kRoomToOpen = uint64_t{4} << 20;
constexpr absl::string_view kRestore =
    "restore the directory from a backup, or move it away and start empty";

template <typename... Parts>
std::string Message(const std::string& path, const Parts&... parts) {
  return absl::StrCat("data directory \"", path, "\" ", parts...);
}

absl::Status SystemError(int error, const std::string& path, absl::string_view what,
                         absl::string_view way_out) {
  return absl::ErrnoToStatus(error, Message(path, what, "; ", way_out));
}

absl::Status MakeIfMissing(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) {
    const std::filesystem::path parent =
        std::filesystem::path(std::string(absl::StripSuffix(path, "/"))).parent_path();
    return SyncDirectory(parent.empty() ? "." : parent.string());
  }
  if (errno == EEXIST) {
    return absl::OkStatus();
  }
  return SystemError(errno, path, "cannot be made",
                     "make its parent directory, give the server the right to write there, or name "
                     "another directory with --data-dir");
}

absl::StatusOr<std::vector<std::string>> List(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) {
    return SystemError(error.value(), path, "cannot be read",
                       "name a directory that the server may read and write with --data-dir");
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool Contains(const std::vector<std::string>& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Files that hold data, which a database has only once it is whole.
bool IsData(absl::string_view name) {
  return absl::EndsWith(name, ".log") || absl::EndsWith(name, ".sst") || name == kLogDirectory;
}

// What a first start that was cut short may leave, and what a file system puts at its root.
bool IsHarmless(absl::string_view name) {
  return name == kLockFile || name == "LOCK" || name == "IDENTITY" || name == "LOG" ||
         name == "lost+found" || absl::StartsWith(name, "LOG.old.") ||
         absl::StartsWith(name, "MANIFEST-") || absl::EndsWith(name, ".dbtmp");
}

// Whether the directory holds a database; an error if it holds something else.
absl::StatusOr<bool> HasDatabase(const std::string& path, const std::vector<std::string>& names) {
  if (Contains(names, "CURRENT")) {
    return true;
  }
  const bool was_database = Contains(names, "IDENTITY");
  for (const std::string& name : names) {
    if (was_database && IsData(name)) {
      return absl::DataLossError(Message(path, "is damaged: it holds data (", name,
                                         ") but the file CURRENT is missing; ", kRestore));
    }
    if (!IsHarmless(name)) {
      return absl::FailedPreconditionError(
          Message(path, "holds other files (", name,
                  ") and no database; name an empty or new directory with --data-dir"));
    }
  }
  return false;
}

absl::Status CheckWals(const std::string& path, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".log")) {
      continue;
    }
    std::ifstream file(absl::StrCat(path, "/", name), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (!file) {
      return absl::InternalError(Message(
          path, "has a file ", name, " that cannot be read; see to its permissions and the disk"));
    }
    if (const absl::Status status = CheckWal(bytes); !status.ok()) {
      return absl::DataLossError(
          Message(path, "is damaged: in ", name, " ", status.message(), "; ", kRestore));
    }
  }
  return absl::OkStatus();
}

// RocksDB writes what is in the logs into a table as it opens. Where there is no room for that it
// fails half-way, in a way that may be an abort.
absl::Status CheckRoom(const std::string& path, const std::vector<std::string>& names) {
  uint64_t needed = kRoomToOpen;
  for (const std::string& name : names) {
    std::error_code error;
    const uint64_t size = absl::EndsWith(name, ".log")
                              ? std::filesystem::file_size(absl::StrCat(path, "/", name), error)
                              : 0;
    needed += error ? 0 : size;
  }
  TIMERD_ASSIGN_OR_RETURN(const FreeSpace space, ReadFreeSpace(path));
  return space.free >= needed
             ? absl::OkStatus()
             : absl::ResourceExhaustedError(
                   Message(path, "needs ", FormatByteSize(needed),
                           " free on its disk to be opened, where ", FormatByteSize(space.free),
                           " are free; make room on the disk, and start the server again"));
}

absl::Status WriteSuperblock(OrderedKv& kv, uint32_t shards, bool manual_clock) {
  Superblock superblock;
  superblock.set_format_version(kFormatVersion);
  superblock.set_shards(shards);
  superblock.set_manual_clock(manual_clock);
  WriteBatch batch;
  batch.Put(SuperblockKey(), superblock.SerializeAsString());
  TIMERD_RETURN_IF_ERROR(kv.Write(batch, Durability::kSync));
  // Into a table: a directory whose log is lost is then never taken for a new one.
  return kv.Flush();
}

absl::Status RefuseIfNotEmpty(const OrderedKv& kv, const std::string& path) {
  bool empty = true;
  TIMERD_RETURN_IF_ERROR(
      kv.Scan("", std::string(16, '\xff'), [&](absl::string_view, absl::string_view) {
        empty = false;
        return false;
      }));
  return empty ? absl::OkStatus()
               : absl::FailedPreconditionError(
                     Message(path,
                             "holds a RocksDB database that timerd did not make; name another "
                             "directory with --data-dir"));
}

// The number of shards that the directory has, after making it a new one where there is none.
absl::StatusOr<uint32_t> ReadOrMakeSuperblock(OrderedKv& kv, const std::string& path,
                                              const DataDirectory::Shape& shape) {
  const uint32_t requested = shape.shards;
  TIMERD_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, kv.Get(SuperblockKey()));
  if (!bytes.has_value()) {
    TIMERD_RETURN_IF_ERROR(RefuseIfNotEmpty(kv, path));
    const uint32_t shards = requested != 0 ? requested : shape.default_shards;
    TIMERD_RETURN_IF_ERROR(WriteSuperblock(kv, shards, shape.manual_clock));
    return shards;
  }
  Superblock superblock;
  if (!superblock.ParseFromString(*bytes)) {
    return absl::DataLossError(
        Message(path, "is damaged: its superblock is malformed; ", kRestore));
  }
  if (superblock.format_version() != kFormatVersion) {
    return absl::FailedPreconditionError(
        Message(path, "has format version ", superblock.format_version(), "; this server reads ",
                kFormatVersion,
                ": run the server that wrote it, or name another directory with "
                "--data-dir"));
  }
  if (superblock.shards() == 0) {
    return absl::DataLossError(
        Message(path, "is damaged: its superblock says 0 shards; ", kRestore));
  }
  if (shape.manual_clock != superblock.manual_clock()) {
    const absl::string_view made = superblock.manual_clock() ? "manual" : "real";
    const absl::string_view asked = shape.manual_clock ? "manual" : "real";
    return absl::FailedPreconditionError(
        Message(path, "was made with --clock=", made, " and --clock=", asked,
                " was asked for; a directory has one kind of clock for its whole life: start with "
                "--clock=",
                made, ", or with an empty directory"));
  }
  if (requested != 0 && requested != superblock.shards()) {
    return absl::FailedPreconditionError(
        Message(path, "was made with ", superblock.shards(), " shards and --shards=", requested,
                " was asked for; the number is fixed for the life of a directory: leave --shards "
                "out, or start with an empty directory"));
  }
  return superblock.shards();
}

}  // namespace

absl::StatusOr<DataDirectory::Lock> DataDirectory::Lock::Take(const std::string& path) {
  const std::string file = absl::StrCat(path, "/", kLockFile);
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return SystemError(errno, path, absl::StrCat("does not let ", kLockFile, " be opened"),
                       "give the server the right to write there, or name another directory with "
                       "--data-dir");
  }
  Lock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    return lock;
  }
  if (errno == EWOULDBLOCK) {
    return absl::FailedPreconditionError(
        Message(path,
                "is in use by another server; one server at a time may have it: stop the "
                "other, or name another directory with --data-dir"));
  }
  return SystemError(errno, path, "cannot be locked", "put it on a file system that has locks");
}

DataDirectory::Lock::~Lock() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(const std::string& path,
                                                                   const Shape& shape,
                                                                   RocksKvOptions options) {
  TIMERD_RETURN_IF_ERROR(MakeIfMissing(path));
  TIMERD_ASSIGN_OR_RETURN(std::vector<std::string> names, List(path));
  TIMERD_RETURN_IF_ERROR(HasDatabase(path, names).status());
  TIMERD_ASSIGN_OR_RETURN(Lock lock, Lock::Take(path));
  // Again, now that nobody else changes it.
  TIMERD_ASSIGN_OR_RETURN(names, List(path));
  TIMERD_ASSIGN_OR_RETURN(const bool has_database, HasDatabase(path, names));
  TIMERD_RETURN_IF_ERROR(CheckWals(path, names));
  TIMERD_RETURN_IF_ERROR(CheckRoom(path, names));
  options.create = !has_database;
  TIMERD_ASSIGN_OR_RETURN(std::unique_ptr<RocksKv> kv, RocksKv::Open(path, options));
  TIMERD_ASSIGN_OR_RETURN(const uint32_t shards, ReadOrMakeSuperblock(*kv, path, shape));
  const std::string logs = absl::StrCat(path, "/", kLogDirectory);
  if (!Contains(names, kLogDirectory)) {
    TIMERD_RETURN_IF_ERROR(MakeIfMissing(logs));
  }
  return std::unique_ptr<DataDirectory>(
      new DataDirectory(std::move(lock), std::move(kv), shards, logs));
}

absl::StatusOr<std::unique_ptr<ShardLog>> DataDirectory::OpenLog(
    uint32_t shard, Durability durability, const FileShardLogOptions& options) {
  return FileShardLog::Open(logs_, shard, *kv_, durability, options);
}

}  // namespace timerd::store
