#include "server/reactor/recovery.h"

#include "server/base/status.h"

namespace timerd::reactor {

absl::StatusOr<Recovered> Recover(store::ShardLog& log, store::StateStore& state) {
  TIMERD_ASSIGN_OR_RETURN(const store::Position position, state.position());
  TIMERD_RETURN_IF_ERROR(log.Read(
      position.sequence() + 1, [&state](const store::Frame& frame) { return state.Apply(frame); }));
  Recovered recovered;
  TIMERD_ASSIGN_OR_RETURN(recovered.position, state.position());
  TIMERD_ASSIGN_OR_RETURN(recovered.namespaces, state.namespaces());
  TIMERD_ASSIGN_OR_RETURN(recovered.queues, state.queues());
  TIMERD_ASSIGN_OR_RETURN(recovered.feeds, state.feeds());
  return recovered;
}

}  // namespace timerd::reactor
