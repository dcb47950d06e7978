// Who waits for the feeds of one shard to grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace timerd::delivery {

// A stream that gives out a feed, seen from below. Told on shards' threads; it does not block.
class FeedFollower {
 public:
  virtual ~FeedFollower() = default;

  // The feed has more to be read, of the shard that it named to Await().
  virtual void OnFeedGrown(uint32_t shard) = 0;
  // True once it will read no more. Stays true.
  virtual bool IsGone() const = 0;
};

// Used on the shard's thread only. A page of a feed that is read there has all that the feed was
// said to have grown by, so who reads a page without a next one and then waits, misses nothing.
class FeedFollowers {
 public:
  // Tells `follower` when the feed of `name_space` has grown: once.
  void Await(absl::string_view name_space, std::shared_ptr<FeedFollower> follower, uint32_t shard);
  // Drops those of `name_space` that are gone. To be called after an IsGone() has become true.
  void Sweep(absl::string_view name_space);
  void OnFeedGrown(absl::string_view name_space);

  size_t size() const;

 private:
  struct Waiting {
    std::shared_ptr<FeedFollower> follower;
    uint32_t shard;
  };
  absl::flat_hash_map<std::string, std::vector<Waiting>> by_namespace_;
};

}  // namespace timerd::delivery
