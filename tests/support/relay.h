// A TCP relay that can cut connections the way a pulled cable does: nothing arrives any more, and
// nobody is told.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace timerd::testing {

class Relay {
 public:
  // Relays connections to `target`, HOST:PORT of IPv4.
  explicit Relay(const std::string& target);
  ~Relay();

  const std::string& address() const { return address_; }
  // From now on nothing passes on the connections there are; new ones are relayed.
  void Cut() { cut_requested_.store(true); }

 private:
  struct Pair {
    int client = -1;
    int server = -1;
    bool cut = false;
  };
  void Run();
  void Accept();
  static bool Pass(int from, int to);

  const std::string target_;
  std::string address_;
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> cut_requested_{false};
  std::vector<Pair> pairs_;
  std::thread thread_;
};

}  // namespace timerd::testing
