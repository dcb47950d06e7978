// A child process whose output the test reads.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace timerd::cli {

class Process {
 public:
  // Starts `words[0]` with `environment` ("NAME=value") and nothing else in its environment.
  // Standard input is `input`, which must fit into a pipe (64 KiB).
  Process(const std::vector<std::string>& words, const std::vector<std::string>& environment,
          const std::string& input = "");
  // Kills the child if Wait() was not called.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // The next line of its standard output without the newline; waits for it.
  std::string ReadLine();
  // The same of its standard error.
  std::string ReadErrorLine();
  void Signal(int signal);

  // Waits for its end. Returns the exit code, or 1000 plus the signal that ended it.
  int Wait();
  // After Wait(): all it printed, less the lines that were read.
  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }

 private:
  pid_t pid_ = -1;
  int out_fd_ = -1;
  int err_fd_ = -1;
  std::string out_;
  std::string err_;
};

}  // namespace timerd::cli
