#include <utility>

#include "client/cli/command.h"
#include "client/cli/queue_worker.h"
#include "client/cli/requests.h"
#include "client/cli/session.h"
#include "client/cli/verbs.h"

namespace timerd::cli {

absl::StatusOr<int> Work(const Arguments& arguments, Session& session) {
  absl::StatusOr<WorkOptions> options = MakeWorkOptions(arguments);
  if (!options.ok()) {
    return options.status();
  }
  if (!options->command.empty()) {
    // Found out now rather than with what is taken from the queue.
    const absl::Status checked = CheckProgram(options->command[0]);
    if (!checked.ok()) {
      return checked;
    }
  }
  return QueueWorker(*std::move(options), session).Run();
}

}  // namespace timerd::cli
