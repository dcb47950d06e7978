#include "client/cli/follow_stream.h"

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"

namespace timerd::cli {

int ToldOf(const StreamEnd& end, const GoOn& go_on, Session& session) {
  const bool answered = !go_on.command.empty();
  if (end.signal != 0) {
    // A shell prints ^C without a newline.
    session.Hint(answered ? absl::StrCat("\n", go_on.detached, go_on.command)
                          : "\ndetached before the server answered");
    return kSignalBase + end.signal;
  }
  if (end.timed_out) {
    return session.Failed(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, ""));
  }
  const int code = session.Failed(end.status, answered);
  if (answered) {
    session.Hint(absl::StrCat("  ", go_on.broken, go_on.command));
  }
  return code;
}

}  // namespace timerd::cli
