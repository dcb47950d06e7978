// A small file system, and what makes a file system full.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace timerd::testing {

// A file system in memory that nobody else sees or writes to, for as long as it lives.
class SmallDisk {
 public:
  // Lets this thread, and what it starts from now on, have file systems of their own. Works for
  // root, and elsewhere where the kernel gives user namespaces to everybody and the process has no
  // second thread yet; otherwise the error says what stood in the way.
  static absl::Status Allow();

  // REQUIRES: Allow() was OK on this thread. What goes wrong throws std::runtime_error.
  explicit SmallDisk(uint64_t bytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// How many bytes the disk of `path` has free.
uint64_t FreeBytes(const std::string& path);

// A file that takes room on a disk without being written.
class Filler {
 public:
  // In `directory`. What goes wrong throws std::runtime_error.
  Filler(const std::string& directory, uint64_t bytes, const std::string& name = "filler");
  // Removes it.
  ~Filler();
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;

 private:
  const std::string path_;
};

}  // namespace timerd::testing
