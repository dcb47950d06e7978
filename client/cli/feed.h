// Following many handles at once.
#pragma once

#include "client/cli/session.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::cli {

// Prints the events of a feed until a signal comes or the stream is lost, and then the command that
// goes on from there. Returns the exit code. REQUIRES: `request` is for a feed.
int FollowFeed(const v1::WatchRequest& request, Session& session);

}  // namespace timerd::cli
