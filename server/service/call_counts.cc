#include "server/service/call_counts.h"

#include <algorithm>

#include "server/base/check.h"
#include "server/base/status.h"
#include "timerd/v1/queues.pb.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::service {
namespace {

// The methods of all services of the API, in the order of their definition.
std::vector<const google::protobuf::MethodDescriptor*> Methods() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const google::protobuf::FileDescriptor* const file :
       {v1::ScheduleRequest::descriptor()->file(), v1::WorkRequest::descriptor()->file()}) {
    for (int service = 0; service < file->service_count(); ++service) {
      if (file->service(service)->name() == "Receiver") {
        continue;  // others offer that, and the server calls it
      }
      for (int method = 0; method < file->service(service)->method_count(); ++method) {
        methods.push_back(file->service(service)->method(method));
      }
    }
  }
  return methods;
}

}  // namespace

CallCounts::CallCounts() {
  for (const google::protobuf::MethodDescriptor* const method : Methods()) {
    methods_.push_back(method->name());
  }
  calls_ = std::make_unique<std::atomic<uint64_t>[]>(methods_.size() * kCodes);
}

size_t CallCounts::MethodOf(const google::protobuf::Descriptor& message) {
  const auto methods = Methods();
  const auto found = std::find_if(methods.begin(), methods.end(), [&message](const auto* method) {
    return method->input_type() == &message || method->output_type() == &message;
  });
  TIMERD_CHECK(found != methods.end());
  return static_cast<size_t>(found - methods.begin());
}

void CallCounts::Count(size_t method, const absl::Status& status) {
  const auto code = static_cast<size_t>(status.code());
  calls_[method * kCodes + code].fetch_add(1, std::memory_order_relaxed);
  if (!status.ok()) {
    CountPart(status);
  }
}

void CallCounts::CountPart(const absl::Status& status) {
  if (const std::string limit = LimitOf(status); !limit.empty()) {
    const auto* const known = std::find(kLimits.begin(), kLimits.end() - 1, limit);
    refused_[static_cast<size_t>(known - kLimits.begin())].fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace timerd::service
