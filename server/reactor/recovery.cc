#include "server/reactor/recovery.h"

#include "server/base/status.h"

namespace timerd::reactor {
namespace {

// What is gathered before it is applied, in bytes.
constexpr size_t kGathered = size_t{8} << 20;

}  // namespace

absl::StatusOr<Recovered> Recover(store::ShardLog& log, store::StateStore& state) {
  TIMERD_ASSIGN_OR_RETURN(const store::Position position, state.position());
  const auto replay = [&state](const store::Frame& frame) -> absl::Status {
    TIMERD_RETURN_IF_ERROR(state.Gather(frame));
    return state.gathered_bytes() < kGathered ? absl::OkStatus() : state.Apply().status();
  };
  TIMERD_RETURN_IF_ERROR(log.Read(position.sequence() + 1, replay));
  TIMERD_RETURN_IF_ERROR(state.Apply().status());
  Recovered recovered;
  TIMERD_ASSIGN_OR_RETURN(recovered.position, state.position());
  TIMERD_ASSIGN_OR_RETURN(recovered.namespaces, state.namespaces());
  TIMERD_ASSIGN_OR_RETURN(recovered.queues, state.queues());
  TIMERD_ASSIGN_OR_RETURN(recovered.feeds, state.feeds());
  return recovered;
}

}  // namespace timerd::reactor
