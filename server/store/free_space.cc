#include "server/store/free_space.h"

#include <sys/statvfs.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace timerd::store {

absl::StatusOr<FreeSpace> ReadFreeSpace(const std::string& path) {
  struct statvfs disk {};
  if (statvfs(path.c_str(), &disk) != 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("cannot see how much room the disk of \"", path, "\" has"));
  }
  return FreeSpace{.free = uint64_t{disk.f_bavail} * disk.f_frsize,
                   .size = uint64_t{disk.f_blocks} * disk.f_frsize};
}

}  // namespace timerd::store
