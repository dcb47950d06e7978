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
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

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

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

// Forks and executes the binary; its standard error is appended to the file `log`.
pid_t Execute(std::vector<std::string> arguments, std::vector<std::string> environment, int out,
              const std::string& log) {
  // All that allocates happens before fork(): the test has other threads.
  arguments.insert(arguments.begin(), Binary());
  for (char** variable = environ; *variable != nullptr; ++variable) {
    environment.emplace_back(*variable);  // of two with one name the first counts
  }
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    // No server outlives the test, however the test ends.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
      _exit(126);
    }
    dup2(out, STDOUT_FILENO);
    const int err = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(err, STDERR_FILENO);
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  if (pid < 0) {
    throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  }
  return pid;
}

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// What stands in `line` behind `key`, up to the next space; "" if the key is not there.
std::string ValueOf(const std::string& key, const std::string& line) {
  const size_t at = line.find(key);
  if (at == std::string::npos) {
    return "";
  }
  const size_t begin = at + key.size();
  return line.substr(begin, line.find(' ', begin) - begin);
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

std::string ServerProcess::Log() const { return ReadFile(own_dir_ + "/stderr"); }

void ServerProcess::Kill() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    Reap();
  }
}

int ServerProcess::Wait(std::chrono::seconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) {
      kill(pid_, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  pid_ = -1;
  return ExitCode(status);
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
  return ExitCode(status);
}

void ServerProcess::Start() {
  std::vector<std::string> arguments = {"--listen=" + address_, "--http=" + http_address_,
                                        "--data-dir=" + data_dir_};
  arguments.insert(arguments.end(), options_.flags.begin(), options_.flags.end());
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) {
    throw std::runtime_error(std::string("pipe2: ") + std::strerror(errno));
  }
  pid_ = Execute(arguments, options_.environment, out[1], own_dir_ + "/stderr");
  close(out[1]);
  const std::string line = ReadReadyLine(out[0]);
  close(out[0]);
  address_ = ValueOf("grpc=", line);
  http_address_ = ValueOf("http=", line);
  if (line.rfind("timerd ready:", 0) != 0 || address_.empty() || http_address_.empty()) {
    Kill();
    throw std::runtime_error(Binary() + " was not ready in time; it said \"" + line + "\" and\n" +
                             Log());
  }
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

FinishedRun RunServer(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment, std::chrono::seconds patience) {
  const TempDir files;
  const int out = open((files.path() + "/out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const pid_t pid = Execute(arguments, environment, out, files.path() + "/err");
  close(out);
  const auto until = std::chrono::steady_clock::now() + patience;
  int status = 0;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) {
      kill(pid, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return {ExitCode(status), ReadFile(files.path() + "/out"), ReadFile(files.path() + "/err")};
}

}  // namespace timerd::testing
