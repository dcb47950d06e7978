#include "server/push/http_sender.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/push/signature.h"

namespace timerd::push {
namespace {

constexpr size_t kShownBytes = 200;  // of an answer that is no success

class HttpCall final : public Call {
 public:
  HttpCall(HttpClient& client, uint64_t number) : client_(client), number_(number) {}
  void Abort() override { client_.Abort(number_); }

 private:
  HttpClient& client_;
  const uint64_t number_;
};

bool IsFinal(int status) { return status == 400 || status == 410 || status == 422; }

std::string PercentEncode(absl::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~') {
      encoded.push_back(c);
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", byte);
    }
  }
  return encoded;
}

std::string ToJson(const v1::DeliverRequest& request) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;  // receivers need not know proto3's defaults
  std::string json;
  // Fails for types and times that JSON cannot carry; there are none in it.
  static_cast<void>(google::protobuf::util::MessageToJsonString(request, &json, options));
  return json;
}

}  // namespace

timer::Verdict VerdictOf(HttpResult result, const Url& url, Span max_retry_after) {
  const std::string from = url.ToText();
  const bool success = result.status >= 200 && result.status < 300;
  if (result.status < 200 || (success && !result.error.empty())) {
    return timer::Failure{.payload =
                              absl::StrCat("no answer from ", from, ": ",
                                           result.error.empty() ? "no status" : result.error)};
  }
  if (success && result.too_long) {
    return timer::Failure{.payload = absl::StrCat("HTTP ", result.status, " from ", from,
                                                  ": the answer has more than ", result.body.size(),
                                                  " bytes")};
  }
  if (success) {
    return timer::Success{std::move(result.body)};
  }
  timer::Failure failure;
  failure.final = IsFinal(result.status);
  failure.payload = absl::StrCat("HTTP ", result.status, " from ", from);
  if (result.status < 400) {
    absl::StrAppend(&failure.payload, ": redirects are not followed");
  } else if (!result.body.empty()) {
    absl::StrAppend(&failure.payload, ": ", result.body.substr(0, kShownBytes));
  }
  if ((result.status == 429 || result.status == 503) && result.retry_after > Span::zero()) {
    failure.retry_after = std::min(result.retry_after, max_retry_after);
  }
  return failure;
}

std::string IdempotencyKey(const v1::DeliverRequest& request) {
  const v1::Occurrence& occurrence = request.occurrence();
  return absl::StrCat(request.namespace_(), "/", PercentEncode(occurrence.id()), "/",
                      occurrence.generation(), "/", occurrence.run());
}

std::shared_ptr<Call> HttpSender::Send(const v1::DeliverRequest& request, Done done) {
  HttpRequest post;
  post.url = url_.ToString();
  post.timeout = timeout_;
  post.body = ToJson(request);
  post.headers = {"Content-Type: application/json",
                  absl::StrCat("User-Agent: timerd/", options_.version),
                  absl::StrCat("Timerd-Attempt: ", request.occurrence().attempt()),
                  absl::StrCat("Idempotency-Key: ", IdempotencyKey(request))};
  if (!options_.secret.empty()) {
    post.headers.push_back(absl::StrCat("Timerd-Signature: ",
                                        Sign(options_.secret, options_.unix_seconds(), post.body)));
  }
  const uint64_t number =
      client_.Post(std::move(post), [url = url_, most = options_.max_retry_after,
                                     done = std::move(done)](HttpResult result) mutable {
        done(VerdictOf(std::move(result), url, most));
      });
  return std::make_shared<HttpCall>(client_, number);
}

}  // namespace timerd::push
