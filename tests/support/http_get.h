// HTTP as tests speak it: one request, one answer, one connection.
#pragma once

#include <string>

namespace timerd::testing {

struct HttpAnswer {
  int status = 0;  // 0: nobody answered
  std::string headers;
  std::string body;
};

// Asks `address` (HOST:PORT, IPv4) for `path`. Gives up after 20 s.
HttpAnswer HttpGet(const std::string& address, const std::string& path,
                   const std::string& method = "GET");

// A connection that says `text` and no more until it is closed.
class HttpConnection {
 public:
  HttpConnection(const std::string& address, const std::string& text);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  bool is_open() const { return fd_ >= 0; }
  // All that comes until the other side closes.
  std::string ReadAll();

 private:
  int fd_ = -1;
};

}  // namespace timerd::testing
