// How the acknowledgement of a request reads: "timer standup is due 2026-...".
#pragma once

#include "absl/strings/string_view.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::cli {

struct Wording {
  absl::string_view kind;  // Before the id; may be empty.
  absl::string_view deadline_is;
  absl::string_view otherwise;   // In place of a deadline,
  absl::string_view if_existed;  // and when the handle was there before; empty: the same.
};

Wording WordingOf(const v1::ScheduleRequest& request);
Wording WordingOf(const v1::StartLoopRequest& request);
Wording WordingOf(const v1::WithTimeoutRequest& request);
Wording WordingOf(const v1::WatchRequest& request);

}  // namespace timerd::cli
