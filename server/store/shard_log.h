// The durable order of one shard's frames.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "server/store/frame.h"

namespace timerd::store {

// Used by one thread at a time, but for Trim(). Narrow on purpose: a replicated log is to fit
// behind it.
class ShardLog {
 public:
  virtual ~ShardLog() = default;

  // Appends `frame`, whose sequence must be the last one plus 1 (any, when the log is empty).
  // Returns when the frame is as durable as this log was opened to make it. After an error the log
  // takes no more: the caller ends the process and recovers by restart.
  virtual absl::Status Append(const Frame& frame) = 0;
  // Calls `visit` for each frame from sequence `from` on, in order, until it returns an error,
  // which is passed on. It may write to the state store; it may not use the log. DataLoss, naming
  // the shard, when a frame is damaged or missing.
  virtual absl::Status Read(uint64_t from, absl::FunctionRef<absl::Status(const Frame&)> visit) = 0;
  // May forget the frames up to and including sequence `through`, which the caller has applied to
  // the state store; may run beside Append(). A crash that takes their effect back from the store
  // brings the frames back too.
  virtual absl::Status Trim(uint64_t through) = 0;
};

// FailedPrecondition unless `frame` is of `shard` and may come after frame `last`, 0 for none.
absl::Status CheckNext(const Frame& frame, uint32_t shard, uint64_t last);

}  // namespace timerd::store
