// A file that a log is written to, in whole blocks.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace timerd::store {

// The unit that is written. What is in different blocks does not share the fate of a write that
// power loss cuts short.
inline constexpr size_t kLogBlock = 4096;

// The least multiple of kLogBlock that holds `size` bytes.
constexpr size_t RoundUpToBlock(size_t size) {
  return (size + kLogBlock - 1) / kLogBlock * kLogBlock;
}

// Memory that blocks are written from.
class LogBuffer {
 public:
  // `size` bytes, which lie as the disk wants them; what was there before is lost.
  absl::Span<char> Take(size_t size);

 private:
  struct Free {
    void operator()(char* memory) const;
  };
  std::unique_ptr<char, Free> memory_;
  size_t size_ = 0;
};

// Not thread-safe. Errors are the operating system's, and name the file.
class LogFile {
 public:
  // A new file of `size` bytes, all zero, that takes up its room on the disk from the start:
  // ResourceExhausted when there is none. `synced`: Write() returns when the bytes survive power
  // loss; otherwise they survive the process. The directory entry is not synced.
  static absl::StatusOr<LogFile> Create(const std::string& path, size_t size, bool synced);
  static absl::StatusOr<LogFile> Open(const std::string& path, bool synced);
  LogFile(LogFile&& other) noexcept;
  LogFile& operator=(LogFile&&) = delete;
  ~LogFile();

  // Closes and deletes it.
  static absl::Status Remove(LogFile file);

  const std::string& path() const { return path_; }
  size_t size() const { return size_; }

  // Whole blocks from a LogBuffer, to block-aligned `offset`, within the size.
  absl::Status Write(size_t offset, absl::Span<const char> blocks);
  // At most `most` bytes from the beginning.
  absl::StatusOr<std::string> Read(size_t most) const;

 private:
  LogFile(std::string path, int fd, size_t size, bool synced)
      : path_(std::move(path)), fd_(fd), size_(size), synced_(synced) {}

  const std::string path_;
  int fd_;
  const size_t size_;
  const bool synced_;
};

}  // namespace timerd::store
