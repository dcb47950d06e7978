// The queue that a request names.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/delivery/queue_directory.h"
#include "server/service/validation.h"

namespace timerd::service {

// Namespace and queue: "billing/mail".
template <typename Request>
absl::StatusOr<std::string> ToQueueKey(const Request& request) {
  TIMERD_ASSIGN_OR_RETURN(const std::string name, Validator::ToNamespace(request.namespace_()));
  TIMERD_RETURN_IF_ERROR(Validator::CheckName("queue", request.queue()));
  return HandleKey(name, request.queue());
}

// For the queue `key`, which is not there.
inline absl::Status UnknownQueue(absl::string_view key) {
  return Refuse(Reason::kUnknownQueue,
                absl::StrCat("queue \"", IdOf(key), "\": unknown in namespace \"", NamespaceOf(key),
                             "\"; it is there once a timer or a worker names it, or "
                             "ConfigureQueue does"));
}

// UNKNOWN_QUEUE when there is none.
template <typename Request>
absl::StatusOr<std::shared_ptr<delivery::WorkQueue>> FindQueue(
    const delivery::QueueDirectory& queues, const Request& request) {
  TIMERD_ASSIGN_OR_RETURN(const std::string key, ToQueueKey(request));
  std::shared_ptr<delivery::WorkQueue> queue = queues.Find(key);
  if (queue == nullptr) {
    return UnknownQueue(key);
  }
  return queue;
}

}  // namespace timerd::service
