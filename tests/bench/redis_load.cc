#include "tests/bench/redis_load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/bench/program.h"

namespace timerd::bench {
namespace {

constexpr size_t kCommands = 1000;

sockaddr_in Local(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

int FreePort() {
  const int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = Local(0);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool ok =
      bind(socket_fd, generic, size) == 0 && getsockname(socket_fd, generic, &size) == 0;
  close(socket_fd);
  if (!ok) {
    throw std::runtime_error("no free port");
  }
  return ntohs(address.sin_port);
}

bool OnPath(const std::string& program) {
  const char* const path = std::getenv("PATH");
  std::string directories = path == nullptr ? "" : path;
  for (size_t begin = 0; begin < directories.size();) {
    const size_t end = std::min(directories.find(':', begin), directories.size());
    if (access((directories.substr(begin, end - begin) + "/" + program).c_str(), X_OK) == 0) {
      return true;
    }
    begin = end + 1;
  }
  return false;
}

// One connection, and what is under way on it. Blocks while it sends: Redis reads at all times.
class Connection {
 public:
  explicit Connection(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const sockaddr_in address = Local(port);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      close(socket_);
      throw std::runtime_error("no connection to redis-server");
    }
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int socket() const { return socket_; }
  size_t unanswered() const { return unanswered_; }
  // True when a ZPOPMIN found nothing.
  bool empty() const { return empty_; }

  void Send(const std::string& commands) {
    unanswered_ = kCommands;
    for (size_t sent = 0; sent < commands.size();) {
      const ssize_t some = send(socket_, commands.data() + sent, commands.size() - sent, 0);
      if (some <= 0) {
        throw std::runtime_error("redis-server is gone");
      }
      sent += static_cast<size_t>(some);
    }
  }

  // Takes what has come; returns how many answers that were.
  size_t Receive() {
    const ssize_t size = recv(socket_, buffer_.data(), buffer_.size(), 0);
    if (size <= 0) {
      throw std::runtime_error("redis-server is gone");
    }
    // An answer is ":1" or, of ZPOPMIN, an array of member and score ("*2", or "*0" when there is
    // none): the first letter of some line. No member has one of these after a line's end.
    size_t answers = 0;
    for (ssize_t i = 0; i < size; ++i) {
      const char letter = buffer_[static_cast<size_t>(i)];
      if (last_ == '\n') {
        if (letter == '-') {
          throw std::runtime_error("redis-server answers with an error");
        }
        answers += letter == ':' || letter == '*';
      }
      empty_ = empty_ || (last_ == '*' && letter == '0');
      last_ = letter;
    }
    unanswered_ -= answers;
    return answers;
  }

 private:
  const int socket_;
  std::array<char, 1 << 16> buffer_;
  char last_ = '\n';
  size_t unanswered_ = 0;
  bool empty_ = false;
};

// A thousand commands. Of a ZADD score and member are patched for each new batch, which is cheaper
// than to build it.
class Commands {
 public:
  explicit Commands(RedisCommand command) {
    for (size_t i = 0; i < kCommands; ++i) {
      if (command == RedisCommand::kZpopmin) {
        bytes_ += "*2\r\n$7\r\nZPOPMIN\r\n$6\r\ntimers\r\n";
        continue;
      }
      bytes_ += "*4\r\n$4\r\nZADD\r\n$6\r\ntimers\r\n$10\r\n";
      places_.push_back(bytes_.size());
      bytes_ += std::string(10, '1') + "\r\n$64\r\n" + std::string(64, 'x') + "\r\n";
    }
  }
  const std::string& Next() {
    for (const size_t place : places_) {
      // Multiplied by an odd number, so that members do not come in the order of their scores.
      Patch(place, 1'000'000'000 + (++number_ * 2'654'435'761U) % 1'000'000'000);
      Patch(place + 10 + 7, 1'000'000'000 + number_);
    }
    return bytes_;
  }

 private:
  void Patch(size_t place, uint64_t ten_digits) {
    for (size_t i = 10; i-- > 0; ten_digits /= 10) {
      bytes_[place + i] = static_cast<char>('0' + ten_digits % 10);
    }
  }

  std::string bytes_;
  std::vector<size_t> places_;
  // Over all batches of this process, so that each member is a new one.
  static inline uint64_t number_ = 0;
};

}  // namespace

std::unique_ptr<RedisProcess> RedisProcess::Start() {
  if (!OnPath("redis-server")) {
    return nullptr;
  }
  std::string directory = (std::filesystem::temp_directory_path() / "timerd-redis-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) {
    throw std::runtime_error("no directory for redis-server");
  }
  return std::unique_ptr<RedisProcess>(new RedisProcess(directory, FreePort()));
}

RedisProcess::RedisProcess(std::string directory, int port)
    : directory_(std::move(directory)),
      port_(port),
      server_({"redis-server", "--bind", "127.0.0.1", "--port", std::to_string(port), "--dir",
               directory_, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
               "--auto-aof-rewrite-percentage", "0", "--daemonize", "no"}) {
  while (server_.ReadLine().find("Ready to accept connections") == std::string::npos) {
  }
}

RedisProcess::~RedisProcess() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

double RunRedis(const RedisProcess& redis, RedisCommand command, size_t connections,
                double seconds) {
  Commands commands(command);
  std::vector<std::unique_ptr<Connection>> all;
  std::vector<pollfd> polled;
  for (size_t i = 0; i < connections; ++i) {
    all.push_back(std::make_unique<Connection>(redis.port()));
    polled.push_back({.fd = all.back()->socket(), .events = POLLIN, .revents = 0});
  }
  size_t done = 0;
  const Clock::time_point start = Clock::now();
  for (const auto& connection : all) {
    connection->Send(commands.Next());
  }
  for (bool over = false; !over;) {
    poll(polled.data(), polled.size(), -1);
    over = SecondsSince(start) >= seconds;
    for (size_t i = 0; i < connections; ++i) {
      if (polled[i].revents == 0) {
        continue;
      }
      done += all[i]->Receive();
      over = over || all[i]->empty();
      if (all[i]->unanswered() == 0) {
        all[i]->Send(commands.Next());
      }
    }
  }
  return static_cast<double>(done) / SecondsSince(start);
}

}  // namespace timerd::bench
