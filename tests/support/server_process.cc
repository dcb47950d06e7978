#include "tests/support/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "gtest/gtest.h"

namespace timerd::testing {
namespace {

constexpr auto kReadyWithin = std::chrono::seconds(30);

std::string Binary() {
  if (const char* given = std::getenv("TIMERD_BINARY"); given != nullptr) {
    return given;
  }
#ifdef TIMERD_BUILT_BINARY
  return TIMERD_BUILT_BINARY;
#else
  return "";
#endif
}

}  // namespace

bool ServerProcess::Available() { return !Binary().empty(); }

ServerProcess::ServerProcess(Options options) : options_(std::move(options)) {
  std::string pattern = (std::filesystem::temp_directory_path() / "timerd-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw std::runtime_error("mkdtemp " + pattern + ": " + std::strerror(errno));
  }
  own_dir_ = pattern;
  data_dir_ = options_.data_dir.empty() ? own_dir_ + "/data" : options_.data_dir;
  Start();
}

ServerProcess::~ServerProcess() {
  Kill();
  if (::testing::Test::HasFailure()) {
    std::cerr << "--- standard error of timerd at " << address_ << "\n" << Log() << "---\n";
  }
  std::error_code ignored;
  std::filesystem::remove_all(own_dir_, ignored);
}

std::string ServerProcess::Log() const {
  std::ifstream file(own_dir_ + "/stderr");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void ServerProcess::Kill() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    Reap();
  }
}

int ServerProcess::Terminate() {
  kill(pid_, SIGTERM);
  return Reap();
}

void ServerProcess::Restart() { Start(); }

int ServerProcess::Reap() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void ServerProcess::Start() {
  // All that allocates happens before fork(): the test has other threads.
  std::vector<std::string> words = {Binary(), "--listen=" + address_, "--data-dir=" + data_dir_};
  words.insert(words.end(), options_.flags.begin(), options_.flags.end());
  std::vector<char*> arguments;
  for (std::string& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  const std::string log = own_dir_ + "/stderr";
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) {
    throw std::runtime_error(std::string("pipe2: ") + std::strerror(errno));
  }
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    // No server outlives the test, however the test ends.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
      _exit(126);
    }
    dup2(out[1], STDOUT_FILENO);
    const int err = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(err, STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(out[1]);
  const std::string line = pid_ > 0 ? ReadReadyLine(out[0]) : "";
  close(out[0]);
  const std::string key = "grpc=";
  const size_t begin = line.find(key);
  if (line.rfind("timerd ready:", 0) != 0 || begin == std::string::npos) {
    Kill();
    throw std::runtime_error(words[0] + " was not ready in time; it said \"" + line + "\" and\n" +
                             Log());
  }
  address_ = line.substr(begin + key.size(), line.find(' ', begin) - begin - key.size());
}

std::string ServerProcess::ReadReadyLine(int fd) const {
  const auto until = std::chrono::steady_clock::now() + kReadyWithin;
  std::string line;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd readable{fd, POLLIN, 0};
    char byte = 0;
    if (left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) <= 0 ||
        read(fd, &byte, 1) <= 0 || byte == '\n') {
      return line;
    }
    line += byte;
  }
}

}  // namespace timerd::testing
