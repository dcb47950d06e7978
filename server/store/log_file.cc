#include "server/store/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"

namespace timerd::store {
namespace {

absl::Status SystemError(int error, absl::string_view path, absl::string_view what) {
  const absl::string_view way_out =
      error == ENOSPC ? "make room on the disk and restart the server" : "see to the disk";
  return absl::ErrnoToStatus(
      error, absl::StrCat("log file \"", path, "\" cannot be ", what, "; ", way_out));
}

// Past the page cache where the file system can do that: what is written once and read after a
// crash only has no business there, and a sync then has nothing to look for.
int OpenFile(const std::string& path, int flags, bool synced) {
  constexpr mode_t kMode = 0600;
  int fd = -1;
  if (synced) {
    fd = open(path.c_str(), flags | O_DIRECT, kMode);
  }
  return fd < 0 ? open(path.c_str(), flags, kMode) : fd;
}

}  // namespace

void LogBuffer::Free::operator()(char* memory) const {
  ::operator delete(memory, std::align_val_t(kLogBlock));
}

absl::Span<char> LogBuffer::Take(size_t size) {
  if (size > size_) {
    size_ = RoundUpToBlock(size);
    memory_.reset(static_cast<char*>(::operator new(size_, std::align_val_t(kLogBlock))));
  }
  return {memory_.get(), size};
}

absl::StatusOr<LogFile> LogFile::Create(const std::string& path, size_t size, bool synced) {
  const int fd = OpenFile(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, synced);
  if (fd < 0) {
    return SystemError(errno, path, "made");
  }
  LogFile file(path, fd, size, synced);
  int error = posix_fallocate(fd, 0, static_cast<off_t>(size));
  if (error == EOPNOTSUPP || error == EINVAL) {  // not on this file system
    error = ftruncate(fd, static_cast<off_t>(size)) == 0 ? 0 : errno;
  }
  if (error == 0 && synced && fsync(fd) != 0) {
    error = errno;
  }
  if (error != 0) {
    unlink(path.c_str());
    return SystemError(error, path, "made");
  }
  return file;
}

absl::StatusOr<LogFile> LogFile::Open(const std::string& path, bool synced) {
  const int fd = OpenFile(path, O_RDWR | O_CLOEXEC, synced);
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) {
    const int error = errno;
    if (fd >= 0) {
      close(fd);
    }
    return SystemError(error, path, "opened");
  }
  return LogFile(path, fd, static_cast<size_t>(status.st_size), synced);
}

absl::Status LogFile::Remove(LogFile file) {
  return unlink(file.path_.c_str()) == 0 ? absl::OkStatus()
                                         : SystemError(errno, file.path_, "removed");
}

LogFile::LogFile(LogFile&& other) noexcept
    : path_(other.path_),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      synced_(other.synced_) {}

LogFile::~LogFile() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

absl::Status LogFile::Write(size_t offset, absl::Span<const char> blocks) {
  while (!blocks.empty()) {
    const ssize_t written = pwrite(fd_, blocks.data(), blocks.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINVAL && (fcntl(fd_, F_GETFL) & O_DIRECT) != 0) {
      // Larger blocks than ours: by way of the page cache then.
      if (fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) & ~O_DIRECT) == 0) {
        continue;
      }
    }
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return SystemError(errno, path_, "written");
    }
    offset += static_cast<size_t>(written);
    blocks.remove_prefix(static_cast<size_t>(written));
  }
  return !synced_ || fdatasync(fd_) == 0 ? absl::OkStatus() : SystemError(errno, path_, "synced");
}

absl::StatusOr<std::string> LogFile::Read(size_t most) const {
  LogBuffer buffer;
  const absl::Span<char> bytes = buffer.Take(RoundUpToBlock(std::min(most, size_)));
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t read =
        pread(fd_, bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
    if (read < 0 && errno == EINTR) {
      continue;
    }
    if (read < 0) {
      return SystemError(errno, path_, "read");
    }
    size += static_cast<size_t>(read);
    if (static_cast<size_t>(read) % kLogBlock != 0 || read == 0) {
      break;  // the end of the file
    }
  }
  return std::string(bytes.data(), std::min(size, most));
}

}  // namespace timerd::store
