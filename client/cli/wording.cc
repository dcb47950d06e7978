#include "client/cli/wording.h"

namespace timerd::cli {

Wording WordingOf(const v1::ScheduleRequest&) {
  return {.kind = "timer",
          .deadline_is = "is due",
          .otherwise = "is there",
          .if_existed = "was there before"};
}

Wording WordingOf(const v1::StartLoopRequest&) {
  return {.kind = "loop",
          .deadline_is = "ticks first",
          .otherwise = "ticks from now on",
          .if_existed = "was there before"};
}

Wording WordingOf(const v1::WithTimeoutRequest& request) {
  return {.kind = request.target_id().empty() ? "task" : "",
          .deadline_is = "times out",
          .otherwise = "had ended already"};
}

Wording WordingOf(const v1::WatchRequest&) {
  return {.kind = "watching", .deadline_is = "which is due", .otherwise = ""};
}

}  // namespace timerd::cli
