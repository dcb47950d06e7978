// Pages of handles, read from the state store.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/reactor/command.h"
#include "server/store/state_store.h"

namespace timerd::reactor {

// A page of large handles ends early: clients of gRPC take messages of 4 MiB unless told otherwise.
inline constexpr size_t kMaxPageBytes = 1 << 20;

// One page of what `list` asks for, of one shard. Pending handles come in the order in which they
// fire, all others in the order of ids. Looks at a bounded number of handles, so that a rare filter
// costs many short pages rather than one long turn. `lines` are the queues in which something
// waits: that is pending too.
absl::StatusOr<Listed> ListHandles(const store::StateStore& state, const List& list, Instant now,
                                   Span wall_ahead, const std::vector<std::string>& lines);

}  // namespace timerd::reactor
