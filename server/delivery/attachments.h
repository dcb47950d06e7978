// Who follows which handle of one shard.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/delivery/subscriber.h"
#include "server/reactor/shard.h"

namespace timerd::delivery {

// Used on the shard's thread only. A shard gives out replies and events in the order in which it
// decided them, so a subscriber attached by a reply sees every event decided after it, and none from
// before but those that the reply retained.
class Attachments : public reactor::EventSink {
 public:
  // What the reply to an opening command does: tells `subscriber`, then attaches it until the handle
  // ends or the subscriber is gone.
  void Open(const absl::StatusOr<reactor::Opened>& opened, std::shared_ptr<Subscriber> subscriber);
  // Drops those of `id` that are gone. To be called after a subscriber's IsGone() has become true.
  void Sweep(absl::string_view id);

  void OnEvent(std::shared_ptr<const reactor::Notice> notice) override;

  size_t size() const { return size_; }

 private:
  absl::flat_hash_map<std::string, std::vector<std::shared_ptr<Subscriber>>> by_id_;
  size_t size_ = 0;
};

}  // namespace timerd::delivery
