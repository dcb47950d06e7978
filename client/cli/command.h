// A command that is run with something on its standard input.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace timerd::cli {

// Fails unless `name` is a program: a path to one, or one that PATH leads to. The message names the
// rule and the way out.
absl::Status CheckProgram(const std::string& name);

// A running command, in a process group of its own, so that a Ctrl-C for timerctl does not reach
// it. Its standard error is timerctl's. Threads that use it block SIGPIPE: a command need not read
// all of its input.
class Command {
 public:
  // Of the output, more than this is not kept.
  static constexpr size_t kMaxOutput = size_t{16} << 20;

  struct Outcome {
    int exit_code = 0;
    int signal = 0;  // That ended it, or 0.
    std::string output;
    bool output_cut = false;
  };

  // Starts `words` with `environment` ("NAME=value") and nothing else in its environment.
  static absl::StatusOr<std::unique_ptr<Command>> Start(const std::vector<std::string>& words,
                                                        const std::vector<std::string>& environment,
                                                        std::string input);
  // Kills it if it is still running.
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  // Feeds it and takes what it writes, until it has ended or `until` has come; true when it has
  // ended. What it started and left behind is not waited for.
  bool RunUntil(std::chrono::steady_clock::time_point until);
  // How it ended is known once RunUntil() has returned true.
  const Outcome& outcome() const { return outcome_; }

  // Sends `signal` to it and to all that it started. From any thread.
  void Signal(int signal);

 private:
  Command(pid_t pid, int pid_fd, int input_fd, int output_fd, std::string input);
  void Feed();
  // False at the end of the output, or when there is none for now.
  bool TakeSome();
  void Reap();

  std::mutex mutex_;  // guards pid_
  pid_t pid_;         // 0 once it has ended
  int pid_fd_;
  int input_fd_;   // -1: closed
  int output_fd_;  // -1: closed
  const std::string input_;
  size_t fed_ = 0;
  Outcome outcome_;
};

}  // namespace timerd::cli
