// Which shard a handle belongs to.
#pragma once

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/hash.h"
#include "server/delivery/attachments.h"
#include "server/reactor/command.h"

namespace timerd::service {

// One shard as the edge sees it. Neither is owned.
struct ShardPort {
  reactor::CommandPort* port;
  delivery::Attachments* attachments;  // on the shard's thread only
  uint32_t index = 0;                  // its place in Router::AllOf()
};

// Any thread.
class Router {
 public:
  virtual ~Router() = default;

  // The shard of the handle `key`: the same for the life of a data directory.
  virtual absl::StatusOr<ShardPort> For(absl::string_view key) = 0;
  // All shards that hold handles of `name_space`, always in the same order. At least one.
  virtual absl::StatusOr<std::vector<ShardPort>> AllOf(absl::string_view name_space) = 0;
};

// Keys spread over a fixed number of shards by their hash. Constant after construction.
class HashRouter final : public Router {
 public:
  explicit HashRouter(std::vector<ShardPort> shards) : shards_(std::move(shards)) {
    for (uint32_t i = 0; i < shards_.size(); ++i) {
      shards_[i].index = i;
    }
  }

  absl::StatusOr<ShardPort> For(absl::string_view key) override {
    return shards_[StableHash(key) % shards_.size()];
  }
  absl::StatusOr<std::vector<ShardPort>> AllOf(absl::string_view) override { return shards_; }

 private:
  std::vector<ShardPort> shards_;
};

}  // namespace timerd::service
