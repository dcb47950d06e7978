// Listing across shards: page tokens, and one page made of one page of each shard.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/reactor/command.h"

namespace timerd::service {

// Where a page begins in the order over all shards: for pending handles (deadline, shard, place),
// for all others the key.
struct PageStart {
  std::optional<DueKey> due;
  uint32_t shard = 0;
  std::string key;
};

// Opaque text that carries `start` and remembers the filter it belongs to.
std::string ToPageToken(const PageStart& start, const reactor::ListFilter& filter);
// INVALID_ARGUMENT when `token` is damaged or belongs to another filter. Empty: the first page.
absl::StatusOr<PageStart> FromPageToken(const std::string& token,
                                        const reactor::ListFilter& filter);

// Where shard `shard` goes on for a page that begins at `start`.
reactor::ListCursor CursorOf(const PageStart& start, uint32_t shard);

struct Page {
  Instant now;
  Span wall_ahead;
  std::vector<timer::Handle> handles;
  std::optional<PageStart> next;
};
// Merges one page of each shard, in the order of `shards`, into one of at most `max_rows`.
Page MergePages(std::vector<reactor::Listed> shards, bool pending, size_t max_rows);

}  // namespace timerd::service
