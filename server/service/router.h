// Which shard a handle belongs to.
#pragma once

#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/hash.h"
#include "server/delivery/attachments.h"
#include "server/reactor/reactor.h"

namespace timerd::service {

// One shard as the edge sees it. Neither is owned.
struct ShardPort {
  reactor::Reactor* reactor;
  delivery::Attachments* attachments;  // on the shard's thread only
};

// Constant after construction; any thread.
class Router {
 public:
  explicit Router(std::vector<ShardPort> shards) : shards_(std::move(shards)) {}

  // The shard of `id`: the same for the life of a data directory.
  const ShardPort& For(absl::string_view id) const {
    return shards_[StableHash(id) % shards_.size()];
  }
  const std::vector<ShardPort>& all() const { return shards_; }

 private:
  const std::vector<ShardPort> shards_;
};

}  // namespace timerd::service
