#include "client/testing/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

namespace timerd {
inline namespace client {
namespace {

// In the child: only what is safe after a fork of a process that has threads.
[[noreturn]] void Become(char* const* argv, pid_t parent, int out, int errors) {
  // It goes when its parent goes, however that ends.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() == parent) {
    dup2(out, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    execvp(argv[0], argv);
    constexpr char kMessage[] = "cannot be executed";
    if (write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1) < 0) {
      _exit(126);
    }
  }
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(std::vector<std::string> argv) {
  std::vector<char*> pointers;
  for (std::string& word : argv) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) {
    return absl::ErrnoToStatus(errno, "pipe2");
  }
  const int errors = memfd_create("standard error", MFD_CLOEXEC);
  const pid_t parent = getpid();
  const pid_t pid = errors < 0 ? -1 : fork();
  if (pid == 0) {
    Become(pointers.data(), parent, out[1], errors);
  }
  const int problem = errno;
  close(out[1]);
  if (pid < 0) {
    close(out[0]);
    close(errors);
    return absl::ErrnoToStatus(problem, "starting " + argv[0]);
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, out[0], errors));
}

ChildProcess::~ChildProcess() {
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  close(out_);
  close(errors_);
}

std::string ChildProcess::ReadLine(absl::Duration limit) {
  const auto until = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(limit);
  std::string line;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd readable{out_, POLLIN, 0};
    char byte = 0;
    if (left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) <= 0 ||
        read(out_, &byte, 1) <= 0 || byte == '\n') {
      return line;
    }
    line += byte;
  }
}

std::string ChildProcess::Errors() const {
  std::string text;
  std::array<char, 4096> part;
  while (true) {
    const ssize_t size = pread(errors_, part.data(), part.size(), static_cast<off_t>(text.size()));
    if (size <= 0) {
      return text;
    }
    text.append(part.data(), static_cast<size_t>(size));
  }
}

}  // namespace client
}  // namespace timerd
