#include "server/service/call_counts.h"

#include <algorithm>

#include "server/base/check.h"
#include "server/base/status.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::service {
namespace {

const google::protobuf::ServiceDescriptor& Service() {
  const auto* service = v1::ScheduleRequest::descriptor()->file()->FindServiceByName("Timers");
  TIMERD_CHECK(service != nullptr);
  return *service;
}

}  // namespace

CallCounts::CallCounts() {
  for (int i = 0; i < Service().method_count(); ++i) {
    methods_.push_back(Service().method(i)->name());
  }
  calls_ = std::make_unique<std::atomic<uint64_t>[]>(methods_.size() * kCodes);
}

size_t CallCounts::MethodOf(const google::protobuf::Descriptor& message) {
  int method = 0;
  while (Service().method(method)->input_type() != &message &&
         Service().method(method)->output_type() != &message) {
    ++method;
    TIMERD_CHECK(method < Service().method_count());
  }
  return static_cast<size_t>(method);
}

void CallCounts::Count(size_t method, const absl::Status& status) {
  const auto code = static_cast<size_t>(status.code());
  calls_[method * kCodes + code].fetch_add(1, std::memory_order_relaxed);
  if (status.ok()) {
    return;
  }
  if (const std::string limit = LimitOf(status); !limit.empty()) {
    const auto* const known = std::find(kLimits.begin(), kLimits.end() - 1, limit);
    refused_[static_cast<size_t>(known - kLimits.begin())].fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace timerd::service
