#include "tests/support/http_get.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace timerd::testing {

HttpConnection::HttpConnection(const std::string& address, const std::string& text) {
  const size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  if (colon == std::string::npos ||
      inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1) {
    return;
  }
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{20, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 ||
      send(fd_, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
    close(fd_);
    fd_ = -1;
  }
}

HttpConnection::~HttpConnection() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

std::string HttpConnection::ReadAll() {
  std::string all;
  char buffer[4096];
  for (ssize_t size; (size = recv(fd_, buffer, sizeof(buffer), 0)) > 0;) {
    all.append(buffer, static_cast<size_t>(size));
  }
  return all;
}

HttpAnswer HttpGet(const std::string& address, const std::string& path, const std::string& method) {
  HttpConnection connection(address, method + " " + path + " HTTP/1.1\r\nHost: test\r\n\r\n");
  const std::string all = connection.ReadAll();
  const std::string version = "HTTP/1.1 ";
  const size_t end = all.find("\r\n\r\n");
  if (all.rfind(version, 0) != 0 || end == std::string::npos) {
    return {};
  }
  return {std::atoi(all.c_str() + version.size()), all.substr(0, end + 2), all.substr(end + 4)};
}

}  // namespace timerd::testing
