// A disk that refuses to write on demand, under RocksDB.
#pragma once

#include <rocksdb/env.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace timerd {

// A rocksdb::Env over the default one. Thread-safe.
class FaultyEnv {
 public:
  FaultyEnv();
  ~FaultyEnv();

  // From now on appends to, and syncs of, files whose names end in `suffix` (".log", ".sst") fail.
  void FailAppends(absl::string_view suffix);
  void FailSyncs(absl::string_view suffix);
  void Heal();

  rocksdb::Env* env() { return env_.get(); }

 private:
  class FileSystem;

  std::shared_ptr<FileSystem> file_system_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace timerd
