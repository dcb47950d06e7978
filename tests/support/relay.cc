#include "tests/support/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace timerd::testing {
namespace {

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

Relay::Relay(const std::string& target) : target_(target) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  TIMERD_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  TIMERD_CHECK(listen(listener_, 16) == 0);
  TIMERD_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  thread_ = std::thread([this] { Run(); });
}

Relay::~Relay() {
  stopping_.store(true);
  thread_.join();
  close(listener_);
  for (const Pair& pair : pairs_) {
    close(pair.client);
    close(pair.server);
  }
}

void Relay::Accept() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  int port = 0;
  TIMERD_CHECK(absl::SimpleAtoi(target_.substr(target_.rfind(':') + 1), &port));
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(static_cast<uint16_t>(port));
  if (client < 0 || connect(server, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    close(client);
    close(server);
    return;
  }
  pairs_.push_back({client, server});
}

bool Relay::Pass(int from, int to) {
  char buffer[16 << 10];
  const ssize_t size = recv(from, buffer, sizeof(buffer), 0);
  for (ssize_t sent = 0; sent < size;) {
    const ssize_t now = send(to, buffer + sent, static_cast<size_t>(size - sent), MSG_NOSIGNAL);
    if (now <= 0) {
      return false;
    }
    sent += now;
  }
  return size > 0;
}

void Relay::Run() {
  while (!stopping_.load()) {
    if (cut_requested_.exchange(false)) {
      for (Pair& pair : pairs_) {
        pair.cut = true;
      }
    }
    std::vector<pollfd> fds{{listener_, POLLIN, 0}};
    std::vector<size_t> owners;
    for (size_t i = 0; i < pairs_.size(); ++i) {
      if (!pairs_[i].cut) {
        fds.push_back({pairs_[i].client, POLLIN, 0});
        fds.push_back({pairs_[i].server, POLLIN, 0});
        owners.push_back(i);
      }
    }
    poll(fds.data(), fds.size(), 10);
    for (size_t i = 0; i < owners.size(); ++i) {
      Pair& pair = pairs_[owners[i]];
      const bool open = (fds[1 + 2 * i].revents == 0 || Pass(pair.client, pair.server)) &&
                        (fds[2 + 2 * i].revents == 0 || Pass(pair.server, pair.client));
      if (!open) {
        shutdown(pair.client, SHUT_RDWR);
        shutdown(pair.server, SHUT_RDWR);
        pair.cut = true;
      }
    }
    if (fds[0].revents != 0) {
      Accept();
    }
  }
}

}  // namespace timerd::testing
