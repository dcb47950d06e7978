// Who follows which handle of one shard.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/delivery/feed_followers.h"
#include "server/delivery/subscriber.h"
#include "server/reactor/shard.h"

namespace timerd::delivery {

// Used on the shard's thread only. A shard gives out replies and events in the order in which it
// decided them, so a subscriber attached by a reply sees every event decided after it, and none
// from before but those that the reply retained.
class Attachments : public reactor::EventSink {
 public:
  // What the reply to an opening command does: tells `subscriber`, then attaches it until the
  // handle ends or the subscriber is gone.
  void Open(const absl::StatusOr<reactor::Opened>& opened, std::shared_ptr<Subscriber> subscriber);
  // Drops those of `key` that are gone, and returns whether none is left that was there. To be
  // called after a subscriber's IsGone() has become true.
  bool Sweep(absl::string_view key);

  void OnEvent(std::unique_ptr<const reactor::Notice> notice) override;
  bool IsFollowed(absl::string_view key) override { return by_key_.contains(key); }
  void OnFeedGrown(absl::string_view name_space) override { feeds_.OnFeedGrown(name_space); }

  // Those who follow feeds.
  FeedFollowers& feeds() { return feeds_; }

  size_t size() const { return size_; }

 private:
  absl::flat_hash_map<std::string, std::vector<std::shared_ptr<Subscriber>>> by_key_;
  size_t size_ = 0;
  FeedFollowers feeds_;
};

}  // namespace timerd::delivery
