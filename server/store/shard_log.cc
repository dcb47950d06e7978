#include "server/store/shard_log.h"

#include "absl/strings/str_cat.h"

namespace timerd::store {

absl::Status CheckNext(const Frame& frame, uint32_t shard, uint64_t last) {
  if (frame.shard() != shard) {
    return absl::FailedPreconditionError(absl::StrCat("shard ", shard, ": frame ", frame.sequence(),
                                                      " belongs to shard ", frame.shard(),
                                                      "; append it to that shard's log"));
  }
  if (frame.sequence() == 0 || (last != 0 && frame.sequence() != last + 1)) {
    return absl::FailedPreconditionError(absl::StrCat("shard ", shard, ": frame ", frame.sequence(),
                                                      " is out of sequence; the next one is ",
                                                      last + 1));
  }
  return absl::OkStatus();
}

}  // namespace timerd::store
