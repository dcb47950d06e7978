// How the calls of the API ended, and which limits refused them.
#pragma once

#include <google/protobuf/descriptor.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace timerd::service {

// Any thread; counting a call is one relaxed atomic addition, and one more for a refusal.
class CallCounts {
 public:
  // The flags that calls are refused by. Others that LimitOf() may name are counted under the last.
  static constexpr std::array<absl::string_view, 18> kLimits = {
      "max-delay",           "max-id-bytes",   "max-payload-bytes",
      "max-request-bytes",   "max-timeouts",   "max-streams",
      "max-stream-buffer",   "max-inbox",      "max-batch-items",
      "max-submit-batches",  "max-handles",    "max-namespaces",
      "max-advance-firings", "max-queues",     "max-backlog",
      "max-credit",          "feed-retention", "other"};
  // The canonical codes are 0 to 16.
  static constexpr size_t kCodes = 17;

  CallCounts();

  // A call of the method that `Message` is the request or the response of has ended with `status`.
  template <typename Message>
  void Count(const absl::Status& status) {
    static const size_t method = MethodOf(*Message::descriptor());
    Count(method, status);
  }

  // The methods of the API, in the order of their definition: "Schedule" and so on.
  const std::vector<std::string>& methods() const { return methods_; }
  uint64_t calls(size_t method, size_t code) const {
    return calls_[method * kCodes + code].load(std::memory_order_relaxed);
  }
  // Calls refused by kLimits[limit], and streams that it ended.
  uint64_t refused(size_t limit) const { return refused_[limit].load(std::memory_order_relaxed); }

 private:
  static size_t MethodOf(const google::protobuf::Descriptor& message);
  void Count(size_t method, const absl::Status& status);

  std::vector<std::string> methods_;
  std::unique_ptr<std::atomic<uint64_t>[]> calls_;  // by method and code
  std::array<std::atomic<uint64_t>, kLimits.size()> refused_{};
};

}  // namespace timerd::service
