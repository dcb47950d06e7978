#include "tests/cli/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace timerd::cli {
namespace {

struct Pipe {
  Pipe() { EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0); }
  int ends[2] = {-1, -1};
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

// Appends what is there; false at the end.
bool ReadSome(int fd, std::string* to) {
  char buffer[4096];
  const ssize_t size = read(fd, buffer, sizeof buffer);
  if (size > 0) {
    to->append(buffer, static_cast<size_t>(size));
  }
  return size > 0;
}

// The first line of what was read of `fd`; reads on until there is one.
std::string TakeLine(int fd, std::string* text) {
  while (text->find('\n') == std::string::npos) {
    if (!ReadSome(fd, text)) {
      ADD_FAILURE() << "the output ended in \"" << *text << "\"";
      return std::string();
    }
  }
  const size_t end = text->find('\n');
  std::string line = text->substr(0, end);
  text->erase(0, end + 1);
  return line;
}

}  // namespace

Process::Process(const std::vector<std::string>& words, const std::vector<std::string>& environment,
                 const std::string& input) {
  const Pipe in;
  const Pipe out;
  const Pipe err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.ends[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.ends[1], STDERR_FILENO);
  EXPECT_EQ(posix_spawn(&pid_, words[0].c_str(), &actions, nullptr, Pointers(words).data(),
                        Pointers(environment).data()),
            0)
      << words[0];
  posix_spawn_file_actions_destroy(&actions);
  EXPECT_EQ(write(in.ends[1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
  for (const int fd : {in.ends[0], in.ends[1], out.ends[1], err.ends[1]}) {
    close(fd);
  }
  out_fd_ = out.ends[0];
  err_fd_ = err.ends[0];
}

Process::~Process() {
  if (pid_ > 0) {
    Signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(out_fd_);
  close(err_fd_);
}

std::string Process::ReadLine() { return TakeLine(out_fd_, &out_); }

std::string Process::ReadErrorLine() { return TakeLine(err_fd_, &err_); }

void Process::Signal(int signal) { EXPECT_EQ(kill(pid_, signal), 0); }

int Process::Wait() {
  // One after the other will do: the child writes less on either than a pipe holds.
  while (ReadSome(out_fd_, &out_)) {
  }
  while (ReadSome(err_fd_, &err_)) {
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace timerd::cli
