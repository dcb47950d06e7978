#include "server/console/http_server.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status.h"

namespace timerd::console {
namespace {

// Requests answered at a time. A client that is slow to ask or to read keeps one of the threads for
// as long as the time-out at most.
constexpr char kThreads[] = "4";
constexpr char kTimeoutMs[] = "5000";

absl::Status CannotListen(const std::string& address, absl::string_view why) {
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", address, " for HTTP: ", why,
                   "; stop the other server, or choose another address with --http (port 0 takes a "
                   "free one, \"off\" does without)"));
}

// HOST:PORT as a socket address. (civetweb would also take what it does not serve, such as lists of
// ports, and ports with letters behind them.)
absl::StatusOr<sockaddr_in> Resolve(const std::string& address) {
  const size_t colon = address.rfind(':');
  uint32_t port = 0;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(absl::string_view(address).substr(colon + 1), &port) || port > 65535) {
    return CannotListen(address, "it is not HOST:PORT");
  }
  // Debian's civetweb has IPv4 only.
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string host = address.substr(0, colon);
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    return CannotListen(address,
                        absl::StrCat("\"", host, "\" is no IPv4 address and no name of one (",
                                     gai_strerror(error), ")"));
  }
  sockaddr_in resolved = *reinterpret_cast<const sockaddr_in*>(found->ai_addr);
  freeaddrinfo(found);
  resolved.sin_port = htons(static_cast<uint16_t>(port));
  return resolved;
}

std::string ToText(const sockaddr_in& address) {
  char host[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &address.sin_addr, host, sizeof(host));
  return absl::StrCat(host, ":", ntohs(address.sin_port));
}

class CivetwebServer final : public HttpServer {
 public:
  explicit CivetwebServer(std::map<std::string, MakePage> pages) : pages_(std::move(pages)) {}
  ~CivetwebServer() override;
  absl::Status Listen(const std::string& address);
  const std::string& address() const override { return address_; }

 private:
  static int OnRequest(mg_connection* connection);
  Page Answer(absl::string_view method, absl::string_view path) const;
  // Makes one connection, which wakes the thread that waits for them.
  void Knock() const;

  const std::map<std::string, MakePage> pages_;
  std::string address_;
  sockaddr_in listening_{};
  mg_context* context_ = nullptr;
};

absl::Status CivetwebServer::Listen(const std::string& address) {
  TIMERD_ASSIGN_OR_RETURN(listening_, Resolve(address));
  const std::string resolved = ToText(listening_);
  const char* options[] = {"listening_ports", resolved.c_str(), "num_threads", kThreads,
                           "request_timeout_ms", kTimeoutMs,
                           // A connection that is kept keeps a thread.
                           "enable_keep_alive", "no", nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = &OnRequest;
  mg_init_data init{&callbacks, this, options};
  context_ = mg_start2(&init, nullptr);
  mg_server_port port{};
  if (context_ == nullptr || mg_get_server_ports(context_, 1, &port) != 1) {
    return CannotListen(address, "the address is in use or not allowed");
  }
  listening_.sin_port = htons(static_cast<uint16_t>(port.port));
  address_ = absl::StrCat(address.substr(0, address.rfind(':')), ":", port.port);
  return absl::OkStatus();
}

CivetwebServer::~CivetwebServer() {
  if (context_ == nullptr) {
    return;
  }
  // Of this civetweb (1.15), the thread that accepts looks only every two seconds whether it should
  // stop, unless a connection comes.
  std::future<void> stopped = std::async(std::launch::async, [this] { mg_stop(context_); });
  do {
    Knock();
  } while (stopped.wait_for(std::chrono::milliseconds(10)) != std::future_status::ready);
}

void CivetwebServer::Knock() const {
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  // Knocking is all: nobody need open.
  static_cast<void>(
      connect(client, reinterpret_cast<const sockaddr*>(&listening_), sizeof(listening_)));
  close(client);
}

Page CivetwebServer::Answer(absl::string_view method, absl::string_view path) const {
  if (method != "GET" && method != "HEAD") {
    return {.status = 405, .body = "only GET and HEAD are answered here\n"};
  }
  const auto page = pages_.find(std::string(path));
  if (page == pages_.end()) {
    const auto name = [](std::string* out, const auto& each) { absl::StrAppend(out, each.first); };
    return {.status = 404,
            .body = absl::StrCat(
                "there is no such page; there are: ", absl::StrJoin(pages_, " ", name), "\n")};
  }
  return page->second();
}

int CivetwebServer::OnRequest(mg_connection* connection) {
  const mg_request_info* request = mg_get_request_info(connection);
  const absl::string_view method = request->request_method;
  const auto* server = static_cast<const CivetwebServer*>(request->user_data);
  const Page page = server->Answer(method, request->local_uri);
  mg_printf(
      connection,
      "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
      "%sConnection: close\r\n\r\n",
      page.status, mg_get_response_code_text(connection, page.status), page.content_type.c_str(),
      page.body.size(), page.status == 405 ? "Allow: GET, HEAD\r\n" : "");
  if (method != "HEAD") {
    mg_write(connection, page.body.data(), page.body.size());
  }
  return page.status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const std::string& address, std::map<std::string, MakePage> pages) {
  auto server = std::make_unique<CivetwebServer>(std::move(pages));
  if (absl::Status listening = server->Listen(address); !listening.ok()) {
    return listening;
  }
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace timerd::console
