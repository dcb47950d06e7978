// A child process that does not outlive its parent.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace timerd {
inline namespace client {

class ChildProcess {
 public:
  // `argv` begins with the program, which is looked up in PATH. A program that cannot be executed
  // says so in Errors() and ends.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(std::vector<std::string> argv);
  // Kills it.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // The next line of its standard output, without the end of line; what there is of it when it ends
  // or `limit` is over.
  std::string ReadLine(absl::Duration limit);
  // What it has written to standard error so far.
  std::string Errors() const;

 private:
  ChildProcess(pid_t pid, int out, int errors) : pid_(pid), out_(out), errors_(errors) {}

  const pid_t pid_;
  const int out_;     // reads from a pipe
  const int errors_;  // a file in memory
};

}  // namespace client
}  // namespace timerd
