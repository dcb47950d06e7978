#include "server/reactor/inbox.h"

#include "absl/strings/str_cat.h"
#include "server/base/status.h"

namespace timerd::reactor {

void RefuseFull(Command& command, size_t capacity) {
  RefuseCommand(
      command,
      RetryAfter(
          kRetrySoon,
          Refuse(Reason::kLimitExceeded,
                 absl::StrCat("the server is overloaded: ", capacity,
                              " requests wait for this shard, as many as --max-inbox allows; "
                              "try again later"),
                 "max-inbox")));
}

}  // namespace timerd::reactor
