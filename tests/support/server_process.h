// A real timerd in a process of its own, to be killed and started again.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace timerd::testing {

// Runs the binary that the environment variable TIMERD_BINARY names, or the one of this build.
// Nothing here is thread-safe; the server dies with the thread that started it. What goes wrong
// throws std::runtime_error with the server's standard error in its text, which fails the test.
class ServerProcess {
 public:
  struct Options {
    // Given, it is kept; empty, the server gets a temporary one of its own, removed at the end.
    std::string data_dir;
    // Besides --listen, --http and --data-dir, after which they come.
    std::vector<std::string> flags;
    // NAME=value, added to the test's own.
    std::vector<std::string> environment;
  };

  // True if there is a binary to run.
  static bool Available();

  // Starts the server on free ports and waits until it is ready.
  ServerProcess() : ServerProcess(Options()) {}
  explicit ServerProcess(Options options);
  // Kills it; prints its standard error if the current test has failed.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& address() const { return address_; }
  // Where it speaks HTTP; "off" if it does not.
  const std::string& http_address() const { return http_address_; }
  const std::string& data_dir() const { return data_dir_; }
  pid_t pid() const { return pid_; }
  // What it has written to standard error so far, over all its lives.
  std::string Log() const;

  // SIGKILL: no goodbye.
  void Kill();
  // Waits until it ends by itself; returns the exit code. Kills one that takes longer than
  // `patience`.
  int Wait(std::chrono::seconds patience = std::chrono::seconds(30));
  // SIGTERM; returns the exit code (128 + the signal if one ended it).
  int Terminate();
  // Starts it again, on the same addresses and data directory. REQUIRES: not running.
  void Restart();

 private:
  void Start();
  std::string ReadReadyLine(int fd) const;
  int Reap();

  const Options options_;
  std::string own_dir_;  // holds the log, and the data directory unless one was given
  std::string data_dir_;
  std::string address_ = "127.0.0.1:0";
  std::string http_address_ = "127.0.0.1:0";
  pid_t pid_ = -1;
};

// A run of the binary from start to end, with exactly these arguments: for starts that fail.
struct FinishedRun {
  int exit_code = 0;  // 128 + the signal if one ended it
  std::string out;
  std::string err;
};
// Kills a run that takes longer than `patience`.
FinishedRun RunServer(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment = {},
                      std::chrono::seconds patience = std::chrono::seconds(30));

}  // namespace timerd::testing
