#include "tests/push/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace timerd::testing {

std::string Peer::Request::Header(const std::string& name) const {
  const size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) {
    return "(none)";
  }
  const size_t value = at + name.size() + 4;
  return head.substr(value, head.find("\r\n", value) - value);
}

Peer::Request Peer::ReadRequest() {
  Request request;
  const std::string length = "\r\nContent-Length: ";
  for (;;) {
    const size_t end = unread_.find("\r\n\r\n");
    if (end != std::string::npos) {
      const std::string head = unread_.substr(0, end + 4);
      const size_t at = head.find(length);
      const size_t size = at == std::string::npos
                              ? 0
                              : std::strtoul(head.c_str() + at + length.size(), nullptr, 10);
      if (unread_.size() >= head.size() + size) {
        request = {head, unread_.substr(head.size(), size)};
        unread_.erase(0, head.size() + size);
        return request;
      }
    }
    char buffer[65536];
    const ssize_t size = recv(fd_, buffer, sizeof(buffer), 0);
    if (size <= 0) {
      return request;
    }
    unread_.append(buffer, static_cast<size_t>(size));
  }
}

bool Peer::Send(const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t size = send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) {
      return false;
    }
    sent += static_cast<size_t>(size);
  }
  return true;
}

bool Peer::WaitForClose() {
  char buffer[4096];
  ssize_t size = 0;
  while ((size = recv(fd_, buffer, sizeof(buffer), 0)) > 0) {
  }
  return size == 0 || errno == ECONNRESET;
}

ScriptedServer::ScriptedServer(Script script) : script_(std::move(script)) {
  listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  if (bind(listening_, raw, size) != 0 || listen(listening_, 128) != 0 ||
      getsockname(listening_, raw, &size) != 0) {
    throw std::runtime_error("cannot listen on 127.0.0.1");
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { Accept(); });
}

ScriptedServer::~ScriptedServer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    for (const int fd : open_) {
      shutdown(fd, SHUT_RDWR);
    }
  }
  shutdown(listening_, SHUT_RDWR);
  accepting_.join();
  for (std::thread& script : scripts_) {
    script.join();
  }
  close(listening_);
}

void ScriptedServer::Accept() {
  for (;;) {
    const int fd = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      return;
    }
    const timeval patience{20, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    MutexLock lock(mutex_);
    if (stopping_) {
      close(fd);
      return;
    }
    ++connections_;
    open_.push_back(fd);
    scripts_.emplace_back([this, fd] {
      Peer peer(fd);
      script_(peer);
      MutexLock ending(mutex_);
      open_.erase(std::find(open_.begin(), open_.end(), fd));
      close(fd);
    });
  }
}

}  // namespace timerd::testing
