// Pushes over HTTP, to receivers that behave and to ones that do not.
#include "server/push/http_sender.h"

#include <google/protobuf/util/json_util.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/push/scripted_server.h"

namespace timerd::push {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::timerd::testing::Peer;
using ::timerd::testing::ScriptedServer;

constexpr auto kPatience = std::chrono::seconds(20);
constexpr size_t kMaxBody = 1000;
constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";

// One delivery: the call, and what comes of it.
struct Sent {
  std::shared_ptr<Call> call;
  std::future<timer::Verdict> verdict;

  timer::Verdict Wait() {
    if (verdict.wait_for(kPatience) != std::future_status::ready) {
      ADD_FAILURE() << "no verdict came";
      return timer::Release();
    }
    return verdict.get();
  }
  // What the failure says; something else when it is none.
  timer::Failure Failure() {
    const timer::Verdict given = Wait();
    const auto* failure = std::get_if<timer::Failure>(&given);
    return failure != nullptr ? *failure : timer::Failure{.payload = "(no failure)"};
  }
  std::string Success() {
    const timer::Verdict given = Wait();
    const auto* success = std::get_if<timer::Success>(&given);
    return success != nullptr ? success->payload : "(no success)";
  }
};

class HttpSenderTest : public ::testing::Test {
 protected:
  HttpSenderTest() {
    request_.set_queue("mail");
    request_.set_namespace_("billing");
    v1::Occurrence& occurrence = *request_.mutable_occurrence();
    occurrence.set_id("invoice-42");
    occurrence.set_kind(v1::KIND_TIMER);
    occurrence.set_generation(2);
    occurrence.set_run(3);
    occurrence.set_attempt(4);
    occurrence.set_lease(5);
    occurrence.mutable_time()->set_seconds(1'700'000'000);
    occurrence.set_payload(std::string("\0\xffpay", 5));
  }

  static Sent SendTo(const std::string& url_text, HttpClient& client,
                     const v1::DeliverRequest& request, Span timeout = kPatience,
                     const std::string& secret = "") {
    auto url = ParseUrl(url_text);
    EXPECT_TRUE(url.ok()) << url.status();
    HttpSender sender(client, *url, timeout,
                      {.version = "1.2.3", .secret = secret, .unix_seconds = [] {
                         return int64_t{1'700'000'000};
                       }});
    std::promise<timer::Verdict> promise;
    Sent sent{nullptr, promise.get_future()};
    sent.call =
        sender.Send(request, [promise = std::move(promise)](timer::Verdict verdict) mutable {
          promise.set_value(std::move(verdict));
        });
    return sent;
  }
  Sent SendTo(const std::string& url, Span timeout = kPatience) {
    return SendTo(url, client_, request_, timeout);
  }
  // To a server that answers each request with `answer` and then closes.
  Sent SendFor(const std::string& answer) {
    Listen([answer](Peer& peer) {
      peer.ReadRequest();
      peer.Send(answer);
    });
    return SendTo(Url());
  }
  void Listen(ScriptedServer::Script script) {
    server_ = std::make_unique<ScriptedServer>(std::move(script));
  }
  std::string Url() const { return absl::StrCat("http://", server_->address(), "/hook"); }
  timer::Failure FailureFor(const std::string& answer) { return SendFor(answer).Failure(); }

  v1::DeliverRequest request_;
  // For scripts, which may go on to the end of the server.
  std::promise<Peer::Request> got_;
  std::promise<void> asked_;
  std::promise<bool> closed_;
  std::atomic<int> connections_{0};
  std::unique_ptr<ScriptedServer> server_;
  HttpClient client_{kMaxBody};
};

std::string Answer(int status, const std::string& body = "", const std::string& headers = "") {
  return absl::StrCat("HTTP/1.1 ", status, " Text\r\nContent-Length: ", body.size(), "\r\n",
                      headers, "\r\n", body);
}

TEST_F(HttpSenderTest, PostsTheOccurrenceAsJson) {
  Listen([&](Peer& peer) {
    got_.set_value(peer.ReadRequest());
    peer.Send(kOk);
  });
  EXPECT_EQ(SendTo(absl::StrCat("http://", server_->address(), "/hook/a%20b?key=1")).Success(),
            "done");
  const Peer::Request request = got_.get_future().get();
  EXPECT_THAT(request.head, StartsWith("POST /hook/a%20b?key=1 HTTP/1.1\r\n"));
  EXPECT_EQ(request.Header("Host"), server_->address());
  EXPECT_EQ(request.Header("Content-Type"), "application/json");
  EXPECT_EQ(request.Header("User-Agent"), "timerd/1.2.3");
  EXPECT_EQ(request.Header("Timerd-Attempt"), "4");
  EXPECT_EQ(request.Header("Idempotency-Key"), "billing/invoice-42/2/3");
  EXPECT_EQ(request.Header("Timerd-Signature"), "(none)");
  EXPECT_EQ(request.body,
            R"({"occurrence":{"id":"invoice-42","kind":"KIND_TIMER","generation":"2","run":"3",)"
            R"("attempt":4,"lease":"5","payload":"AP9wYXk=","count":"0","missed":"0",)"
            R"("lastAttempt":false,"time":"2023-11-14T22:13:20Z"},"queue":"mail",)"
            R"("namespace":"billing"})");
}

TEST_F(HttpSenderTest, CarriesLargePayloads) {
  Listen([&](Peer& peer) {
    got_.set_value(peer.ReadRequest());
    peer.Send(kOk);
  });
  request_.mutable_occurrence()->set_payload(std::string(3 << 20, 'x'));
  EXPECT_EQ(SendTo(Url()).Success(), "done");
  const Peer::Request request = got_.get_future().get();
  EXPECT_GT(request.body.size(), 4 << 20);
  EXPECT_EQ(request.Header("Expect"), "(none)");
}

TEST_F(HttpSenderTest, SignsTimeAndBody) {
  const std::string secret = "0123456789abcdef";
  Listen([&](Peer& peer) {
    got_.set_value(peer.ReadRequest());
    peer.Send(kOk);
  });
  EXPECT_EQ(SendTo(Url(), client_, request_, kPatience, secret).Success(), "done");
  const Peer::Request request = got_.get_future().get();
  const std::string text = "1700000000." + request.body;
  unsigned char digest[32];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  EXPECT_EQ(request.Header("Timerd-Signature"),
            absl::StrCat("t=1700000000,v1=", absl::BytesToHexString(absl::string_view(
                                                 reinterpret_cast<const char*>(digest), size))));
}

TEST_F(HttpSenderTest, KeepsIdsFromBecomingHeadersOrPartsOfTheKey) {
  request_.mutable_occurrence()->set_id("a/b\r\nEvil: 1 \xc3\xb6%");
  EXPECT_EQ(IdempotencyKey(request_), "billing/a%2Fb%0D%0AEvil%3A%201%20%C3%B6%25/2/3");
}

TEST_F(HttpSenderTest, UsesAConnectionAgain) {
  Listen([](Peer& peer) {
    while (!peer.ReadRequest().head.empty() && peer.Send(kOk)) {
    }
  });
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(SendTo(Url()).Success(), "done");
  }
  EXPECT_EQ(server_->connections(), 1);
}

TEST_F(HttpSenderTest, TakesAny2xxForASuccessWithItsBodyAsTheResult) {
  EXPECT_EQ(SendFor(Answer(201, "made")).Success(), "made");
  EXPECT_EQ(SendFor("HTTP/1.1 204 No Content\r\n\r\n").Success(), "");
  EXPECT_EQ(SendFor("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                .Success(),
            "abcde");
  EXPECT_EQ(SendFor("HTTP/1.1 100 Continue\r\n\r\n" + Answer(200, "in the end")).Success(),
            "in the end");
  EXPECT_EQ(SendFor("HTTP/1.0 200 OK\r\n\r\nuntil it closes").Success(), "until it closes");
}

TEST_F(HttpSenderTest, BoundsTheResult) {
  EXPECT_EQ(SendFor(Answer(200, std::string(kMaxBody, 'x'))).Success().size(), kMaxBody);
  const timer::Failure failure = FailureFor(Answer(200, std::string(kMaxBody + 1, 'x')));
  EXPECT_THAT(failure.payload, HasSubstr("the answer has more than 1000 bytes"));
  EXPECT_FALSE(failure.final);
}

TEST_F(HttpSenderTest, SaysWhatAFailureSaid) {
  const timer::Failure failure = FailureFor(Answer(500, std::string(300, 'x')));
  EXPECT_EQ(failure.payload, absl::StrCat("HTTP 500 from ", Url(), ": ", std::string(200, 'x')));
}

TEST_F(HttpSenderTest, KeepsTheQueryOutOfFailures) {
  Listen([](Peer& peer) {
    peer.ReadRequest();
    peer.Send(Answer(500));
  });
  EXPECT_EQ(SendTo(Url() + "?token=secret").Failure().payload,
            absl::StrCat("HTTP 500 from ", Url()));
}

TEST_F(HttpSenderTest, GivesUpOnlyWhenTheReceiverSaysNever) {
  for (const int status : {400, 410, 422}) {
    EXPECT_TRUE(FailureFor(Answer(status)).final) << status;
  }
  for (const int status : {300, 304, 401, 403, 404, 405, 408, 409, 425, 429, 500, 501, 503, 599}) {
    const timer::Failure failure = FailureFor(Answer(status));
    EXPECT_FALSE(failure.final) << status;
    EXPECT_THAT(failure.payload, StartsWith(absl::StrCat("HTTP ", status)));
  }
}

TEST_F(HttpSenderTest, HonoursRetryAfterUpToABound) {
  const auto retry_after = [&](int status, const std::string& value) {
    return FailureFor(Answer(status, "", absl::StrCat("Retry-After: ", value, "\r\n"))).retry_after;
  };
  EXPECT_EQ(retry_after(503, "7"), std::chrono::seconds(7));
  EXPECT_EQ(retry_after(429, "3600"), std::chrono::hours(1));
  EXPECT_EQ(retry_after(429, "3601"), std::chrono::hours(1));
  EXPECT_EQ(retry_after(429, "9000000000000000000"), std::chrono::hours(1));
  EXPECT_EQ(retry_after(503, "Fri, 31 Dec 2094 23:59:59 GMT"), std::chrono::hours(1));
  EXPECT_EQ(retry_after(503, "Fri, 31 Dec 1999 23:59:59 GMT"), std::nullopt);
  EXPECT_EQ(retry_after(503, "-5"), std::nullopt);
  EXPECT_EQ(retry_after(503, "soon"), std::nullopt);
  EXPECT_EQ(retry_after(503, "99999999999999999999999"), std::nullopt);
  EXPECT_EQ(retry_after(500, "7"), std::nullopt);
}

TEST_F(HttpSenderTest, FollowsNoRedirect) {
  std::atomic<int> visits{0};
  ScriptedServer elsewhere([&](Peer& peer) {
    ++visits;
    peer.Send(kOk);
  });
  for (const int status : {301, 302, 303, 307, 308}) {
    const timer::Failure failure = FailureFor(
        Answer(status, "", absl::StrCat("Location: http://", elsewhere.address(), "/\r\n")));
    EXPECT_EQ(failure.payload,
              absl::StrCat("HTTP ", status, " from ", Url(), ": redirects are not followed"));
    EXPECT_FALSE(failure.final);
  }
  EXPECT_EQ(visits, 0);
}

TEST_F(HttpSenderTest, FailsWhenNobodyListens) {
  Listen([](Peer&) {});
  const std::string url = Url();
  server_.reset();
  const timer::Failure failure = SendTo(url).Failure();
  EXPECT_THAT(failure.payload, StartsWith(absl::StrCat("no answer from ", url, ": ")));
  EXPECT_FALSE(failure.final);
}

TEST_F(HttpSenderTest, FailsWhenTheNameIsUnknown) {
  EXPECT_THAT(SendTo("http://nowhere.invalid/").Failure().payload,
              StartsWith("no answer from http://nowhere.invalid:80/: "));
}

TEST_F(HttpSenderTest, GivesUpAReceiverThatHangs) {
  const std::vector<ScriptedServer::Script> hangs = {
      [](Peer& peer) { peer.WaitForClose(); },
      [](Peer& peer) {
        peer.Send("HTTP/1.1 200 OK\r\nContent-Le");
        peer.WaitForClose();
      },
      [](Peer& peer) {
        peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        peer.WaitForClose();
      }};
  for (const auto& hang : hangs) {
    std::promise<bool> closed;
    const ScriptedServer server([&](Peer& peer) {
      hang(peer);
      closed.set_value(peer.WaitForClose());
    });
    const timer::Failure failure =
        SendTo(absl::StrCat("http://", server.address(), "/"), std::chrono::milliseconds(300))
            .Failure();
    EXPECT_THAT(failure.payload, HasSubstr("no answer"));
    EXPECT_THAT(failure.payload, HasSubstr("timed out"));
    EXPECT_FALSE(failure.final);
    EXPECT_TRUE(closed.get_future().get());
  }
}

TEST_F(HttpSenderTest, FailsForGarbage) {
  for (const std::string& garbage :
       {std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string("<html>200 OK</html>\r\n\r\n"),
        std::string("\0\1\2\3", 4), std::string("HTTP/9.9 200 OK\r\n\r\n"),
        std::string("HTTP/1.1 abc\r\n\r\n"), std::string("HTTP/1.1\r\n\r\n"),
        std::string("\r\n\r\n"), std::string("HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\nx"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        std::string("HTTP/1.1 101 Switching Protocols\r\n\r\n")}) {
    const timer::Failure failure = FailureFor(garbage);
    EXPECT_THAT(failure.payload, StartsWith("no answer from ")) << garbage;
    EXPECT_FALSE(failure.final);
  }
}

TEST_F(HttpSenderTest, FailsForAnAnswerThatEndsEarly) {
  for (const char* answer : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Le",
                             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                             "HTTP/1.1 100 Continue\r\n\r\n"}) {
    const timer::Failure failure = FailureFor(answer);
    EXPECT_THAT(failure.payload, StartsWith("no answer from ")) << answer;
    EXPECT_FALSE(failure.final);
  }
}

TEST_F(HttpSenderTest, GivesUpAnAnswerThatNeverEnds) {
  // What comes first, what comes again and again, and what is said of it.
  const struct {
    std::string first, again, said;
  } endless[] = {
      {"HTTP/1.1 200 OK\r\n", "X-More: and more\r\n", "its headers have more than 16384 bytes"},
      {"", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", "its headers have more than 16384 bytes"},
      {"HTTP/1.1 200 OK\r\nX-Long: ", std::string(1000, 'x'), "no answer"},
      {"HTTP/1.1 ", std::string(1000, ' '), "no answer"},
      {"HTTP/1.1 200 OK\r\n\r\n", std::string(1000, 'x'), "the answer has more than 1000 bytes"},
      {"HTTP/1.1 500 No\r\n\r\n", std::string(1000, 'x'), "HTTP 500"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nabcd\r\n",
       "the answer has more than 1000 bytes"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-Trailer: 1\r\n",
       "its headers have more than 16384 bytes"},
  };
  for (const auto& [first, again, said] : endless) {
    Listen([first = first, again = again](Peer& peer) {
      peer.ReadRequest();
      for (bool more = peer.Send(first); more; more = peer.Send(again)) {
      }
    });
    const timer::Failure failure = SendTo(Url()).Failure();
    EXPECT_THAT(failure.payload, HasSubstr(said)) << first;
    EXPECT_FALSE(failure.final);
  }
}

TEST_F(HttpSenderTest, BreaksOffACallThatIsAborted) {
  Listen([&](Peer& peer) {
    peer.ReadRequest();
    asked_.set_value();
    closed_.set_value(peer.WaitForClose());
  });
  Sent sent = SendTo(Url());
  ASSERT_EQ(asked_.get_future().wait_for(kPatience), std::future_status::ready);
  sent.call->Abort();
  EXPECT_THAT(sent.Failure().payload, HasSubstr("broken off"));
  EXPECT_TRUE(closed_.get_future().get());
  sent.call->Abort();
}

TEST_F(HttpSenderTest, IsHeldUpByNoCallThatHangs) {
  Listen([&](Peer& peer) {
    if (peer.ReadRequest().Header("Timerd-Attempt") == "4") {
      peer.WaitForClose();
    } else {
      peer.Send(kOk);
    }
  });
  std::vector<Sent> hangs;
  for (int i = 0; i < 50; ++i) {
    hangs.push_back(SendTo(Url()));
  }
  request_.mutable_occurrence()->set_attempt(5);
  EXPECT_EQ(SendTo(Url()).Success(), "done");
  for (Sent& hang : hangs) {
    hang.call->Abort();
    EXPECT_THAT(hang.Failure().payload, HasSubstr("broken off"));
  }
}

TEST_F(HttpSenderTest, EndsCallsUnderWayWithTheClient) {
  Listen([&](Peer& peer) {
    peer.ReadRequest();
    if (connections_++ == 0) {
      asked_.set_value();
    }
    peer.WaitForClose();
  });
  auto client = std::make_unique<HttpClient>(kMaxBody);
  Sent sent = SendTo(Url(), *client, request_);
  ASSERT_EQ(asked_.get_future().wait_for(kPatience), std::future_status::ready);
  Sent just_posted = SendTo(Url(), *client, request_);
  client.reset();
  EXPECT_EQ(sent.verdict.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_EQ(just_posted.verdict.wait_for(std::chrono::seconds(0)), std::future_status::ready);
}

TEST_F(HttpSenderTest, TakesNoProxyFromTheEnvironment) {
  std::atomic<int> visits{0};
  ScriptedServer proxy([&](Peer&) { ++visits; });
  const std::string variable = "http://" + proxy.address();
  setenv("http_proxy", variable.c_str(), 1);
  setenv("ALL_PROXY", variable.c_str(), 1);
  EXPECT_EQ(SendFor(kOk).Success(), "done");
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
  EXPECT_EQ(visits, 0);
}

// Speaks TLS with a certificate that nobody has signed; true when the other side accepts that.
bool ShakeHands(int fd) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("127.0.0.1"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_sign(certificate, key, EVP_sha256());
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(context, certificate);
  SSL_CTX_use_PrivateKey(context, key);
  SSL* const session = SSL_new(context);
  SSL_set_fd(session, fd);
  char byte = 0;
  const bool accepted = SSL_accept(session) == 1 && SSL_read(session, &byte, 1) == 1;
  SSL_free(session);
  SSL_CTX_free(context);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return accepted;
}

TEST_F(HttpSenderTest, TrustsNoCertificateThatNobodyHasSigned) {
  Listen([&](Peer& peer) { closed_.set_value(!ShakeHands(peer.fd())); });
  const timer::Failure failure =
      SendTo(absl::StrCat("https://", server_->address(), "/hook")).Failure();
  EXPECT_THAT(failure.payload, HasSubstr("certificate"));
  EXPECT_TRUE(closed_.get_future().get());
}

TEST_F(HttpSenderTest, FailsWhenHttpsIsSpokenToHttp) {
  Listen([](Peer& peer) { peer.Send("HTTP/1.1 200 OK\r\n\r\n"); });
  EXPECT_THAT(SendTo(absl::StrCat("https://", server_->address(), "/hook")).Failure().payload,
              StartsWith("no answer from https://"));
}

}  // namespace
}  // namespace timerd::push
