// HTTP/1.1 POSTs through libcurl, all on one thread.
//
// One thread with libcurl's multi interface rather than a pool: a receiver that hangs costs a
// socket and no thread, so none can hold up another's calls, and any call can be broken off.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "server/base/instant.h"
#include "server/base/mutex.h"

namespace timerd::push {

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  Span timeout{};  // from now to the last byte of the answer
};

struct HttpResult {
  int status = 0;         // 0: no answer, or none that could be understood
  std::string body;       // at most the client's max_body_bytes
  bool too_long = false;  // there was more of it
  Span retry_after{};     // 0: the answer does not say
  std::string error;      // what went wrong on the way; empty when nothing did
};

// Thread-safe.
class HttpClient {
 public:
  explicit HttpClient(size_t max_body_bytes);
  // Breaks off what is under way, whose callbacks come before this returns.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  using Done = absl::AnyInvocable<void(HttpResult)>;
  // Calls `done` once, on the client's thread, without a lock held. The number names the request.
  uint64_t Post(HttpRequest request, Done done);
  // Breaks it off if it goes on still; its callback comes soon.
  void Abort(uint64_t request);

 private:
  class Transfer;

  void Run();
  // Starts and breaks off what was asked for; returns whether to go on.
  bool TakeOrders();
  void Start(uint64_t number, std::unique_ptr<Transfer> transfer);
  // Gives the results of those that are over.
  void Collect();
  void Finish(uint64_t number, absl::string_view error);

  const size_t max_body_bytes_;
  void* const multi_;  // a CURLM; its thread's, but for curl_multi_wakeup()

  Mutex mutex_;
  uint64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::pair<uint64_t, std::unique_ptr<Transfer>>> posted_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> aborted_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  // The thread's.
  absl::flat_hash_map<uint64_t, std::unique_ptr<Transfer>> under_way_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace timerd::push
