// Pushes over HTTP: a signed POST of the occurrence as JSON (docs/push.md).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/push/http_client.h"
#include "server/push/sender.h"
#include "server/push/url.h"

namespace timerd::push {

struct HttpSenderOptions {
  std::string version;  // of timerd, for User-Agent
  std::string secret;   // empty: unsigned
  Span max_retry_after = std::chrono::hours(1);
  std::function<int64_t()> unix_seconds;  // for the signature
};

// What an answer from `url` means: 2xx is a success with the body as the result; 400, 410 and 422
// say "never"; everything else is tried again.
timer::Verdict VerdictOf(HttpResult result, const Url& url, Span max_retry_after);

// Idempotency-Key: "namespace/id/generation/run", with all of an id that is not a letter, digit,
// '-', '.', '_' or '~' percent-encoded.
std::string IdempotencyKey(const v1::DeliverRequest& request);

// Thread-safe.
class HttpSender final : public Sender {
 public:
  // `client` outlives this.
  HttpSender(HttpClient& client, Url url, Span timeout, HttpSenderOptions options)
      : client_(client), url_(std::move(url)), timeout_(timeout), options_(std::move(options)) {}

  std::shared_ptr<Call> Send(const v1::DeliverRequest& request, Done done) override;

 private:
  HttpClient& client_;
  const Url url_;
  const Span timeout_;
  const HttpSenderOptions options_;
};

}  // namespace timerd::push
