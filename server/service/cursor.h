// Cursors: where a reader of a feed stands, as text that it keeps and brings back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/reactor/command.h"

namespace timerd::service {

// Any thread; constant after construction.
//
// A cursor of a feed stands behind an event in each shard. One of an event that a handle's own
// stream told knows its own shard only: in the others it stands where the event's time stands,
// before all that was decided at that time. Such an event may have left before it was durable, and
// after a crash another one may have its place; so its cursor also has the last place that no crash
// could take back, which counts in any other process than the one that made it.
class Cursors {
 public:
  // `directory` tells one data directory from another, `process` one server process from another.
  Cursors(uint64_t directory, uint64_t process) : directory_(directory), process_(process) {}

  // Behind event `places[i]` of shard i, of the feed of `name_space`.
  std::string OfFeed(absl::string_view name_space, const std::vector<uint64_t>& places) const;
  // Behind an event of shard `shard`, as its own stream tells it.
  std::string OfEvent(const reactor::Notice& notice, uint32_t shard) const;

  // Where each of `shards` shards goes on. INVALID_ARGUMENT when `cursor` is not one that this
  // server could have given for `name_space`.
  absl::StatusOr<std::vector<reactor::FeedStart>> Read(absl::string_view cursor,
                                                       absl::string_view name_space,
                                                       size_t shards) const;

 private:
  const uint64_t directory_;
  const uint64_t process_;
};

}  // namespace timerd::service
