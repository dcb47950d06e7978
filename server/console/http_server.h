// A small HTTP server: pages at fixed paths, made anew for each request.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

namespace timerd::console {

struct Page {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Makes a page. Called on any of the server's threads, several at once.
using MakePage = absl::AnyInvocable<Page() const>;

class HttpServer {
 public:
  // Listens on `address`, HOST:PORT, and answers GET and HEAD of the paths of `pages`. Port 0 takes
  // a free one. Errors say what stands in the way and how to get round it.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address,
                                                           std::map<std::string, MakePage> pages);

  // Stops listening and waits for the pages that are being made, which may not be sent any more.
  virtual ~HttpServer() = default;
  // Where it listens, with the port that was taken.
  virtual const std::string& address() const = 0;
};

}  // namespace timerd::console
