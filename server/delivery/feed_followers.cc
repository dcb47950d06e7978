#include "server/delivery/feed_followers.h"

#include <utility>

namespace timerd::delivery {

void FeedFollowers::Await(absl::string_view name_space, std::shared_ptr<FeedFollower> follower,
                          uint32_t shard) {
  by_namespace_[std::string(name_space)].push_back({std::move(follower), shard});
}

void FeedFollowers::Sweep(absl::string_view name_space) {
  const auto found = by_namespace_.find(name_space);
  if (found != by_namespace_.end()) {
    std::erase_if(found->second, [](const Waiting& each) { return each.follower->IsGone(); });
    if (found->second.empty()) {
      by_namespace_.erase(found);
    }
  }
}

void FeedFollowers::OnFeedGrown(absl::string_view name_space) {
  const auto found = by_namespace_.find(name_space);
  if (found == by_namespace_.end()) {
    return;
  }
  const std::vector<Waiting> waiting = std::move(found->second);
  by_namespace_.erase(found);
  for (const Waiting& each : waiting) {
    each.follower->OnFeedGrown(each.shard);
  }
}

size_t FeedFollowers::size() const {
  size_t size = 0;
  for (const auto& [name, waiting] : by_namespace_) {
    size += waiting.size();
  }
  return size;
}

}  // namespace timerd::delivery
