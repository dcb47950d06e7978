#include "server/store/sync_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace timerd::store {

absl::Status SyncDirectory(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) {
    close(fd);
  }
  return synced ? absl::OkStatus()
                : absl::ErrnoToStatus(error, absl::StrCat("directory \"", path,
                                                          "\" cannot be synced; see to the disk"));
}

}  // namespace timerd::store
