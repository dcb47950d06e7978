#include "server/push/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace timerd::push {
namespace {

constexpr size_t kMaxHeaderBytes = 16 << 10;
constexpr char kAborted[] = "broken off";

// Once, before other threads use libcurl.
void InitCurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  TIMERD_CHECK(code == CURLE_OK);
}

CURLM* NewMulti() {
  InitCurl();
  CURLM* const multi = curl_multi_init();
  TIMERD_CHECK(multi != nullptr);
  return multi;
}

template <typename Value>
void Set(CURL* easy, CURLoption option, Value value) {
  TIMERD_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

}  // namespace

// One request and what has come of it. libcurl keeps pointers to it, so it does not move.
class HttpClient::Transfer {
 public:
  Transfer(uint64_t number, HttpRequest request, Done done, size_t max_body_bytes)
      : number_(number),
        request_(std::move(request)),
        done_(std::move(done)),
        max_body_bytes_(max_body_bytes) {}
  ~Transfer() {
    curl_easy_cleanup(easy_);
    curl_slist_free_all(headers_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() { return easy_; }
  uint64_t number() const { return number_; }

  void SetUp() {
    for (const std::string& header : request_.headers) {
      headers_ = curl_slist_append(headers_, header.c_str());
    }
    // Without it libcurl asks before it sends a large body, and waits a second for the answer.
    headers_ = curl_slist_append(headers_, "Expect:");
    Set(easy_, CURLOPT_PRIVATE, this);
    Set(easy_, CURLOPT_URL, request_.url.c_str());
    Set(easy_, CURLOPT_HTTPHEADER, headers_);
    Set(easy_, CURLOPT_POST, 1L);
    Set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    Set(easy_, CURLOPT_POSTFIELDS, request_.body.c_str());
    Set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    Set(easy_, CURLOPT_TIMEOUT_MS, Milliseconds(request_.timeout));
    Set(easy_, CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(request_.timeout));
    // To where the URL says and nowhere else, with nothing from the environment.
    Set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    Set(easy_, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    Set(easy_, CURLOPT_FOLLOWLOCATION, 0L);
    Set(easy_, CURLOPT_PROXY, "");
    Set(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    Set(easy_, CURLOPT_PATH_AS_IS, 1L);
    // Threads: no signals, and no waiting for a name lookup that is broken off.
    Set(easy_, CURLOPT_NOSIGNAL, 1L);
    Set(easy_, CURLOPT_QUICK_EXIT, 1L);
    Set(easy_, CURLOPT_ERRORBUFFER, error_);
    Set(easy_, CURLOPT_HEADERFUNCTION, &OnHeader);
    Set(easy_, CURLOPT_HEADERDATA, this);
    Set(easy_, CURLOPT_WRITEFUNCTION, &OnBody);
    Set(easy_, CURLOPT_WRITEDATA, this);
  }

  // Over, with libcurl's `code`; or with `error`, when that is not empty.
  void Finish(CURLcode code, absl::string_view error) {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    result_.status = static_cast<int>(status);
    curl_off_t retry_after = 0;
    curl_easy_getinfo(easy_, CURLINFO_RETRY_AFTER, &retry_after);
    const curl_off_t most = std::chrono::seconds(std::chrono::hours(24 * 365)).count();
    result_.retry_after = std::chrono::seconds(std::clamp<curl_off_t>(retry_after, 0, most));
    if (!error.empty()) {
      result_.error = std::string(error);
    } else if (headers_too_long_) {
      result_.error = absl::StrCat("its headers have more than ", kMaxHeaderBytes, " bytes");
    } else if (code != CURLE_OK && !result_.too_long) {
      result_.error = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
    } else if (!headers_are_complete_) {
      // To libcurl a connection that closes there ends an answer without a body.
      result_.error = "the connection was closed within its headers";
    }
    done_(std::move(result_));
  }

 private:
  static long Milliseconds(Span span) {
    return static_cast<long>(
        std::max<int64_t>(1, std::chrono::ceil<std::chrono::milliseconds>(span).count()));
  }

  // One line. Its size is added to that of all before, interim answers (1xx) and trailers too.
  // Returning less than `size` ends the transfer.
  static size_t OnHeader(char* data, size_t, size_t size, void* self_pointer) {
    auto* self = static_cast<Transfer*>(self_pointer);
    const absl::string_view line(data, size);
    if (absl::StartsWith(line, "HTTP/")) {
      self->headers_are_complete_ = false;
    } else if (line == "\r\n" || line == "\n") {
      self->headers_are_complete_ = true;
    }
    self->header_bytes_ += size;
    self->headers_too_long_ = self->header_bytes_ > kMaxHeaderBytes;
    return self->headers_too_long_ ? 0 : size;
  }

  static size_t OnBody(char* data, size_t, size_t size, void* self_pointer) {
    auto* self = static_cast<Transfer*>(self_pointer);
    std::string& body = self->result_.body;
    const size_t room = self->max_body_bytes_ - body.size();
    body.append(data, std::min(size, room));
    self->result_.too_long = size > room;
    return self->result_.too_long ? 0 : size;
  }

  const uint64_t number_;
  const HttpRequest request_;
  Done done_;
  const size_t max_body_bytes_;
  CURL* const easy_ = curl_easy_init();
  curl_slist* headers_ = nullptr;
  char error_[CURL_ERROR_SIZE] = "";
  size_t header_bytes_ = 0;
  bool headers_too_long_ = false;
  bool headers_are_complete_ = false;
  HttpResult result_;
};

HttpClient::HttpClient(size_t max_body_bytes)
    : max_body_bytes_(max_body_bytes), multi_(NewMulti()), thread_([this] { Run(); }) {}

HttpClient::~HttpClient() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  curl_multi_wakeup(multi_);
  thread_.join();
  // What a last callback has posted.
  TakeOrders();
  curl_multi_cleanup(multi_);
}

uint64_t HttpClient::Post(HttpRequest request, Done done) {
  uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    number = ++last_number_;
    posted_.emplace_back(number, std::make_unique<Transfer>(number, std::move(request),
                                                            std::move(done), max_body_bytes_));
  }
  curl_multi_wakeup(multi_);
  return number;
}

void HttpClient::Abort(uint64_t request) {
  {
    MutexLock lock(mutex_);
    aborted_.push_back(request);
  }
  curl_multi_wakeup(multi_);
}

void HttpClient::Run() {
  // OpenSSL writes to sockets that the other side has closed.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  while (TakeOrders()) {
    int running = 0;
    TIMERD_CHECK(curl_multi_perform(multi_, &running) == CURLM_OK);
    Collect();
    // Until a socket, a time-out of libcurl's or a wake-up wants something.
    TIMERD_CHECK(curl_multi_poll(multi_, nullptr, 0, 60'000, nullptr) == CURLM_OK);
  }
}

bool HttpClient::TakeOrders() {
  std::vector<std::pair<uint64_t, std::unique_ptr<Transfer>>> posted;
  std::vector<uint64_t> aborted;
  bool stopping = false;
  {
    MutexLock lock(mutex_);
    posted.swap(posted_);
    aborted.swap(aborted_);
    stopping = stopping_;
  }
  for (auto& [number, transfer] : posted) {
    Start(number, std::move(transfer));
  }
  for (const uint64_t number : aborted) {
    Finish(number, kAborted);
  }
  while (stopping && !under_way_.empty()) {
    const uint64_t first = under_way_.begin()->first;
    Finish(first, kAborted);
  }
  return !stopping;
}

void HttpClient::Start(uint64_t number, std::unique_ptr<Transfer> transfer) {
  transfer->SetUp();
  TIMERD_CHECK(curl_multi_add_handle(multi_, transfer->easy()) == CURLM_OK);
  under_way_.emplace(number, std::move(transfer));
}

void HttpClient::Collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    const CURLcode code = message->data.result;
    char* private_pointer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private_pointer);
    // NOLINTNEXTLINE(bugprone-casting-through-void): libcurl's way to carry a pointer
    const uint64_t number = static_cast<Transfer*>(static_cast<void*>(private_pointer))->number();
    auto taken = under_way_.extract(number);
    curl_multi_remove_handle(multi_, taken.mapped()->easy());
    taken.mapped()->Finish(code, "");
  }
}

void HttpClient::Finish(uint64_t number, absl::string_view error) {
  auto taken = under_way_.extract(number);
  if (!taken.empty()) {
    curl_multi_remove_handle(multi_, taken.mapped()->easy());
    taken.mapped()->Finish(CURLE_OK, error);
  }
}

}  // namespace timerd::push
