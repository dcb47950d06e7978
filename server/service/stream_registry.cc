#include "server/service/stream_registry.h"

#include "absl/strings/str_cat.h"
#include "server/base/status.h"

namespace timerd::service {

absl::Status ShuttingDown() {
  return Refuse(Reason::kShuttingDown,
                "the server is shutting down; timers are kept, try again when it is back");
}

absl::Status StreamRegistry::Add(Endable* stream) {
  const MutexLock lock(mutex_);
  if (!closed_.ok()) {
    return closed_;
  }
  if (streams_.size() >= max_streams_) {
    return RetryAfter(
        kRetryLater,
        Refuse(Reason::kLimitExceeded,
               absl::StrCat("the server has ", streams_.size(),
                            " open streams, as many as --max-streams allows; end some, use "
                            "detached requests, or raise the flag"),
               "max-streams"));
  }
  streams_.insert(stream);
  return absl::OkStatus();
}

void StreamRegistry::Remove(Endable* stream) {
  const MutexLock lock(mutex_);
  streams_.erase(stream);
}

void StreamRegistry::EndAll(const absl::Status& status) {
  const MutexLock lock(mutex_);
  closed_ = status;
  for (Endable* stream : streams_) {
    stream->EndWith(status);
  }
}

size_t StreamRegistry::size() const {
  const MutexLock lock(mutex_);
  return streams_.size();
}

}  // namespace timerd::service
