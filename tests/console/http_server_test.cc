// Pages over HTTP, through real sockets.
#include "server/console/http_server.h"

#include <chrono>
#include <future>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/http_get.h"
#include "tests/support/status_matchers.h"

namespace timerd::console {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using ::timerd::testing::HttpAnswer;
using ::timerd::testing::HttpConnection;
using ::timerd::testing::HttpGet;

class HttpServerTest : public ::testing::Test {
 protected:
  void Start() {
    auto server = HttpServer::Start("127.0.0.1:0", std::move(pages_));
    TIMERD_ASSERT_OK(server);
    server_ = *std::move(server);
  }
  const std::string& address() const { return server_->address(); }

  std::map<std::string, MakePage> pages_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersWithThePageAsItIsNow) {
  int visits = 0;
  pages_["/visits"] = [&visits] {
    return Page{.content_type = "text/visits", .body = absl::StrCat(++visits, "\n")};
  };
  Start();
  EXPECT_THAT(address(), StartsWith("127.0.0.1:"));
  EXPECT_THAT(address(), Not(EndsWith(":0")));
  const HttpAnswer first = HttpGet(address(), "/visits");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, "1\n");
  EXPECT_THAT(first.headers, HasSubstr("Content-Type: text/visits\r\n"));
  EXPECT_THAT(first.headers, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_THAT(first.headers, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_EQ(HttpGet(address(), "/visits?and=more").body, "2\n");
}

TEST_F(HttpServerTest, PassesThePagesStatusOn) {
  pages_["/down"] = [] { return Page{.status = 503, .body = "draining\n"}; };
  Start();
  const HttpAnswer answer = HttpGet(address(), "/down");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.headers, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_EQ(answer.body, "draining\n");
}

TEST_F(HttpServerTest, AnswersHeadWithoutTheBody) {
  pages_["/page"] = [] { return Page{.body = "twelve bytes"}; };
  Start();
  const HttpAnswer answer = HttpGet(address(), "/page", "HEAD");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.headers, HasSubstr("Content-Length: 12\r\n"));
  EXPECT_EQ(answer.body, "");
}

TEST_F(HttpServerTest, SaysWhichPagesThereAreWhenAskedForAnother) {
  pages_["/a"] = [] { return Page{}; };
  pages_["/b"] = [] { return Page{}; };
  Start();
  for (const char* path : {"/", "/c", "/a/", "/aa", "/../etc/passwd"}) {
    const HttpAnswer answer = HttpGet(address(), path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_THAT(answer.body, HasSubstr("/a /b")) << path;
  }
}

TEST_F(HttpServerTest, AnswersNoOtherMethod) {
  bool asked = false;
  pages_["/page"] = [&asked] {
    asked = true;
    return Page{};
  };
  Start();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    const HttpAnswer answer = HttpGet(address(), "/page", method);
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_THAT(answer.headers, HasSubstr("Allow: GET, HEAD\r\n")) << method;
  }
  EXPECT_FALSE(asked);
}

TEST_F(HttpServerTest, SendsLongPagesWhole) {
  const std::string body(20 << 20, 'b');
  pages_["/long"] = [&body] { return Page{.body = body}; };
  Start();
  EXPECT_EQ(HttpGet(address(), "/long").body, body);
}

TEST_F(HttpServerTest, GoesOnAfterAClientThatLeftHalfWay) {
  pages_["/long"] = [] { return Page{.body = std::string(20 << 20, 'b')}; };
  pages_["/short"] = [] { return Page{.body = "short"}; };
  Start();
  for (int i = 0; i < 8; ++i) {
    const HttpConnection connection(address(), "GET /long HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(connection.is_open());
  }
  EXPECT_EQ(HttpGet(address(), "/short").body, "short");
}

TEST_F(HttpServerTest, StopsWithoutWaitingForAConnection) {
  Start();
  const auto begin = std::chrono::steady_clock::now();
  server_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

// What the page is made of may be gone afterwards.
TEST_F(HttpServerTest, WaitsForThePageThatIsBeingMadeBeforeItIsGone) {
  std::promise<void> asked;
  std::promise<void> go_on;
  pages_["/slow"] = [&asked, may_go_on = go_on.get_future().share()] {
    asked.set_value();
    may_go_on.wait();
    return Page{};
  };
  Start();
  const HttpConnection connection(address(), "GET /slow HTTP/1.1\r\n\r\n");
  asked.get_future().wait();
  auto gone = std::async(std::launch::async, [this] { server_.reset(); });
  EXPECT_EQ(gone.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  go_on.set_value();
  gone.wait();
}

TEST_F(HttpServerTest, AnswersSeveralAtATime) {
  std::promise<void> asked;
  std::promise<void> go_on;
  pages_["/slow"] = [&asked, may_go_on = go_on.get_future().share()] {
    asked.set_value();
    may_go_on.wait();
    return Page{.body = "done"};
  };
  pages_["/quick"] = [] { return Page{.body = "quick"}; };
  Start();
  auto slow = std::async(std::launch::async, [this] { return HttpGet(address(), "/slow"); });
  asked.get_future().wait();
  EXPECT_EQ(HttpGet(address(), "/quick").body, "quick");
  go_on.set_value();
  EXPECT_EQ(slow.get().body, "done");
}

TEST_F(HttpServerTest, NamesTheAddressThatItCannotListenOn) {
  Start();
  const std::pair<std::string, std::string> addresses[] = {
      {address(), "in use"},
      {"7480", "not HOST:PORT"},
      {":7480", "not HOST:PORT"},
      {"127.0.0.1:", "not HOST:PORT"},
      {"127.0.0.1:65536", "not HOST:PORT"},
      {"127.0.0.1:80s", "not HOST:PORT"},
      {"127.0.0.1:0,127.0.0.1:0", "no IPv4 address"},
      {"[::1]:0", "no IPv4 address"},
      {"::1:0", "no IPv4 address"},
      {"no such host:0", "no IPv4 address"},
      {"192.0.2.1:0", "not allowed"},
  };
  for (const auto& [bad, why] : addresses) {
    const auto server = HttpServer::Start(bad, {});
    EXPECT_THAT(server, testing::HasStatus(absl::StatusCode::kUnavailable, why)) << bad;
    EXPECT_THAT(std::string(server.status().message()), HasSubstr(bad));
    EXPECT_THAT(std::string(server.status().message()), HasSubstr("--http"));
  }
  EXPECT_EQ(HttpGet(address(), "/").status, 404);
}

TEST_F(HttpServerTest, TakesANameForAnAddress) {
  const auto server = HttpServer::Start("localhost:0", {});
  TIMERD_ASSERT_OK(server);
  const std::string& named = (*server)->address();
  EXPECT_THAT(named, StartsWith("localhost:"));
  EXPECT_EQ(HttpGet("127.0.0.1" + named.substr(named.find(':')), "/").status, 404);
}

}  // namespace
}  // namespace timerd::console
