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
  static constexpr std::array<absl::string_view, 22> kLimits = {
      // of one request
      "max-delay", "max-id-bytes", "max-payload-bytes", "max-request-bytes", "max-timeouts",
      "max-batch-items", "max-credit", "max-advance-firings", "feed-retention",
      // of what there is at once
      "max-namespaces", "max-queues", "max-handles", "max-pending-per-queue", "max-backlog",
      "max-streams", "max-stream-buffer", "max-submit-batches", "max-inbox", "min-free-disk",
      // of what comes in a second
      "max-rate-per-namespace", "max-rate-per-queue", "other"};
  // The canonical codes are 0 to 16.
  static constexpr size_t kCodes = 17;

  CallCounts();

  // A call of the method that `Message` is the request or the response of has ended with `status`.
  template <typename Message>
  void Count(const absl::Status& status) {
    static const size_t method = MethodOf(*Message::descriptor());
    Count(method, status);
  }

  // A part of a call was refused with `status`: an item of a batch, or a message on a stream.
  void CountPart(const absl::Status& status);

  // The methods of the API, in the order of their definition: "Schedule" and so on.
  const std::vector<std::string>& methods() const { return methods_; }
  uint64_t calls(size_t method, size_t code) const {
    return calls_[method * kCodes + code].load(std::memory_order_relaxed);
  }
  // Calls, and parts of them, refused by kLimits[limit], and streams that it ended.
  uint64_t refused(size_t limit) const { return refused_[limit].load(std::memory_order_relaxed); }

 private:
  static size_t MethodOf(const google::protobuf::Descriptor& message);
  void Count(size_t method, const absl::Status& status);

  std::vector<std::string> methods_;
  std::unique_ptr<std::atomic<uint64_t>[]> calls_;  // by method and code
  std::array<std::atomic<uint64_t>, kLimits.size()> refused_{};
};

}  // namespace timerd::service
