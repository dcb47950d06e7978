#include "client/cli/command.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/poll_timeout.h"

namespace timerd::cli {
namespace {

// One end for us, which does not block and which no command inherits, and one for the command.
struct Pipe {
  Pipe() { made = pipe2(ends, O_CLOEXEC) == 0; }
  ~Pipe() {
    Close(&ends[0]);
    Close(&ends[1]);
  }
  static void Close(int* fd) {
    if (*fd >= 0) {
      close(*fd);
    }
    *fd = -1;
  }
  int Take(int end) {
    fcntl(ends[end], F_SETFL, O_NONBLOCK);
    return std::exchange(ends[end], -1);
  }

  int ends[2] = {-1, -1};
  bool made = false;
};

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const std::string& word : words) {
    pointers.push_back(const_cast<char*>(word.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

bool IsProgram(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         access(path.c_str(), X_OK) == 0;
}

// Becomes readable when the process ends. glibc 2.36 has a wrapper, with a header that is none of
// C++'s.
int OpenPidFd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

// What timerctl blocks or ignores for itself is no business of the command's.
void ResetSignals(posix_spawnattr_t* attributes) {
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setpgroup(attributes, 0);
  posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
}

}  // namespace

absl::Status CheckProgram(const std::string& name) {
  if (absl::StrContains(name, '/')) {
    return IsProgram(name) ? absl::OkStatus()
                           : absl::InvalidArgumentError(absl::StrCat(
                                 "\"", name, "\": no program; name a file that may be executed"));
  }
  const char* path = std::getenv("PATH");
  for (const absl::string_view folder : absl::StrSplit(path == nullptr ? "" : path, ':')) {
    if (!name.empty() && IsProgram(absl::StrCat(folder.empty() ? "." : folder, "/", name))) {
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", name, "\": no such program in PATH; what a shell shall read goes behind sh -c"));
}

absl::StatusOr<std::unique_ptr<Command>> Command::Start(const std::vector<std::string>& words,
                                                        const std::vector<std::string>& environment,
                                                        std::string input) {
  Pipe in;
  Pipe out;
  if (!in.made || !out.made) {
    return absl::UnavailableError(std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.ends[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.ends[1], STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  ResetSignals(&attributes);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, words[0].c_str(), &actions, &attributes,
                                 Pointers(words).data(), Pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return absl::UnavailableError(std::strerror(error));
  }
  std::unique_ptr<Command> command(
      new Command(pid, OpenPidFd(pid), in.Take(1), out.Take(0), std::move(input)));
  if (command->pid_fd_ < 0) {
    return absl::UnavailableError(std::strerror(errno));
  }
  return command;
}

Command::Command(pid_t pid, int pid_fd, int input_fd, int output_fd, std::string input)
    : pid_(pid),
      pid_fd_(pid_fd),
      input_fd_(input_fd),
      output_fd_(output_fd),
      input_(std::move(input)) {}

Command::~Command() {
  Signal(SIGKILL);
  if (pid_ != 0) {
    waitpid(pid_, nullptr, 0);
  }
  Pipe::Close(&pid_fd_);
  Pipe::Close(&input_fd_);
  Pipe::Close(&output_fd_);
}

bool Command::RunUntil(std::chrono::steady_clock::time_point until) {
  while (pid_ != 0) {
    if (fed_ == input_.size()) {
      Pipe::Close(&input_fd_);
    }
    // poll() leaves out those that are closed.
    pollfd fds[] = {{pid_fd_, POLLIN, 0}, {output_fd_, POLLIN, 0}, {input_fd_, POLLOUT, 0}};
    poll(fds, 3, PollTimeout(until));
    if (fds[2].revents != 0) {
      Feed();
    }
    if (fds[1].revents != 0) {
      TakeSome();
    }
    if (fds[0].revents != 0) {
      while (TakeSome()) {
      }
      Reap();
    } else if (std::chrono::steady_clock::now() >= until) {
      return false;
    }
  }
  return true;
}

void Command::Signal(int signal) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (pid_ != 0) {
    kill(-pid_, signal);
  }
}

void Command::Feed() {
  const ssize_t size = write(input_fd_, input_.data() + fed_, input_.size() - fed_);
  if (size > 0) {
    fed_ += static_cast<size_t>(size);
  } else if (errno != EAGAIN && errno != EINTR) {
    // It does not read on, which is its own business.
    fed_ = input_.size();
  }
}

bool Command::TakeSome() {
  if (output_fd_ < 0) {
    return false;
  }
  char buffer[65536];
  const ssize_t size = read(output_fd_, buffer, sizeof buffer);
  if (size > 0) {
    const size_t kept = std::min(static_cast<size_t>(size), kMaxOutput - outcome_.output.size());
    outcome_.output.append(buffer, kept);
    outcome_.output_cut = outcome_.output_cut || kept < static_cast<size_t>(size);
  } else if (size == 0) {
    Pipe::Close(&output_fd_);
  }
  return size > 0;
}

void Command::Reap() {
  const std::lock_guard<std::mutex> lock(mutex_);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = 0;
  outcome_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  outcome_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace timerd::cli
