#include "tests/support/small_disk.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "server/store/free_space.h"

namespace timerd::testing {
namespace {

[[noreturn]] void Throw(const std::string& what) {
  throw std::runtime_error(absl::StrCat(what, ": ", std::strerror(errno)));
}

}  // namespace

absl::Status SmallDisk::Allow() {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (user == 0) {
    if (unshare(CLONE_NEWNS) != 0) {
      return absl::ErrnoToStatus(errno, "mount namespaces are not allowed here");
    }
  } else {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
      return absl::ErrnoToStatus(errno, "not root, and user namespaces are not allowed here");
    }
    // It goes on as itself, which inside is root.
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
    std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
  }
  // What is mounted from now on stays here.
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return absl::ErrnoToStatus(errno, "mounting is not allowed here");
  }
  return absl::OkStatus();
}

SmallDisk::SmallDisk(uint64_t bytes) {
  path_ = (std::filesystem::temp_directory_path() / "timerd-disk-XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr) {
    Throw("mkdtemp " + path_);
  }
  if (mount("tmpfs", path_.c_str(), "tmpfs", 0, absl::StrCat("size=", bytes).c_str()) != 0) {
    Throw("mounting at " + path_);
  }
}

SmallDisk::~SmallDisk() {
  umount2(path_.c_str(), MNT_DETACH);
  rmdir(path_.c_str());
}

uint64_t FreeBytes(const std::string& path) {
  const absl::StatusOr<store::FreeSpace> space = store::ReadFreeSpace(path);
  if (!space.ok()) {
    throw std::runtime_error(space.status().ToString());
  }
  return space->free;
}

Filler::Filler(const std::string& directory, uint64_t bytes, const std::string& name)
    : path_(absl::StrCat(directory, "/", name)) {
  const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || (bytes > 0 && fallocate(fd, 0, 0, static_cast<off_t>(bytes)) != 0)) {
    Throw(absl::StrCat("taking ", bytes, " bytes at ", path_));
  }
  close(fd);
}

Filler::~Filler() { unlink(path_.c_str()); }

}  // namespace timerd::testing
