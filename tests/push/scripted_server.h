// A TCP server whose every connection is answered by a function of the test's, byte by byte: HTTP
// as it should be, and as it should not.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "server/base/mutex.h"

namespace timerd::testing {

// One connection, in the hands of its script. Gives up after 20 s.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {}

  // A whole request: its head, and the body that its Content-Length tells of. Empty at the end.
  struct Request {
    std::string head;  // with the empty line at its end
    std::string body;
    // The value of a header, "(none)" if it is not there.
    std::string Header(const std::string& name) const;
  };
  Request ReadRequest();
  // False once the other side has gone.
  bool Send(const std::string& text);
  // Waits until the other side has gone; false if it stays.
  bool WaitForClose();
  int fd() const { return fd_; }

 private:
  const int fd_;
  std::string unread_;
};

class ScriptedServer {
 public:
  using Script = std::function<void(Peer&)>;

  // Listens on a free port of 127.0.0.1. Each connection gets a thread that runs `script`, and is
  // closed when that returns.
  explicit ScriptedServer(Script script);
  // Breaks off what is connected and waits for the scripts.
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  int port() const { return port_; }
  // "127.0.0.1:port"
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int connections() const { return connections_; }

 private:
  void Accept();

  const Script script_;
  int listening_ = -1;
  int port_ = 0;
  std::atomic<int> connections_{0};
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<int> open_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> scripts_;  // of the accepting thread, until it has ended
  std::thread accepting_;
};

}  // namespace timerd::testing
