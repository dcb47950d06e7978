#include "tests/support/faulty_env.h"

#include <rocksdb/file_system.h>

#include "absl/strings/match.h"
#include "server/base/mutex.h"

namespace timerd {

class FaultyEnv::FileSystem : public rocksdb::FileSystemWrapper {
 public:
  FileSystem() : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  static const char* kClassName() { return "FaultyFileSystem"; }
  const char* Name() const override { return kClassName(); }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;

  void Fail(absl::string_view appends, absl::string_view syncs) {
    MutexLock lock(mutex_);
    appends_ = std::string(appends);
    syncs_ = std::string(syncs);
  }
  rocksdb::IOStatus BeforeAppend(absl::string_view name) const {
    MutexLock lock(mutex_);
    return Verdict(name, appends_);
  }
  rocksdb::IOStatus BeforeSync(absl::string_view name) const {
    MutexLock lock(mutex_);
    return Verdict(name, syncs_);
  }

 private:
  static rocksdb::IOStatus Verdict(absl::string_view name, absl::string_view suffix) {
    return !suffix.empty() && absl::EndsWith(name, suffix)
               ? rocksdb::IOStatus::IOError("planned failure", std::string(name))
               : rocksdb::IOStatus::OK();
  }

  mutable Mutex mutex_;
  std::string appends_ ABSL_GUARDED_BY(mutex_);  // suffixes; empty: none fails
  std::string syncs_ ABSL_GUARDED_BY(mutex_);
};

namespace {

template <typename FileSystem>
class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name,
             const FileSystem& file_system)
      : rocksdb::FSWritableFileOwnerWrapper(std::move(file)),
        name_(std::move(name)),
        file_system_(file_system) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus verdict = file_system_.BeforeAppend(name_);
    return verdict.ok() ? FSWritableFileOwnerWrapper::Append(data, options, debug) : verdict;
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification,
                           rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus verdict = file_system_.BeforeAppend(name_);
    return verdict.ok() ? FSWritableFileOwnerWrapper::Append(data, options, verification, debug)
                        : verdict;
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus verdict = file_system_.BeforeSync(name_);
    return verdict.ok() ? FSWritableFileOwnerWrapper::Sync(options, debug) : verdict;
  }

 private:
  const std::string name_;
  const FileSystem& file_system_;
};

}  // namespace

rocksdb::IOStatus FaultyEnv::FileSystem::NewWritableFile(
    const std::string& name, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* result, rocksdb::IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, &file, debug);
  if (status.ok()) {
    *result = std::make_unique<FaultyFile<FileSystem>>(std::move(file), name, *this);
  }
  return status;
}

FaultyEnv::FaultyEnv()
    : file_system_(std::make_shared<FileSystem>()), env_(rocksdb::NewCompositeEnv(file_system_)) {}
FaultyEnv::~FaultyEnv() = default;

void FaultyEnv::FailAppends(absl::string_view suffix) { file_system_->Fail(suffix, ""); }
void FaultyEnv::FailSyncs(absl::string_view suffix) { file_system_->Fail("", suffix); }
void FaultyEnv::Heal() { file_system_->Fail("", ""); }

}  // namespace timerd
