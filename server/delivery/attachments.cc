#include "server/delivery/attachments.h"

#include <algorithm>
#include <utility>

namespace timerd::delivery {

void Attachments::Open(const absl::StatusOr<reactor::Opened>& opened,
                       std::shared_ptr<Subscriber> subscriber) {
  if (!opened.ok()) {
    return subscriber->OnRefused(opened.status());
  }
  subscriber->OnOpened(*opened);
  for (const reactor::Notice& notice : opened->retained) {
    subscriber->OnEvent(std::make_shared<const reactor::Notice>(notice));
  }
  // One that goes from here on finds itself attached, and its Sweep() comes after this.
  if (!opened->ended && !subscriber->IsGone()) {
    by_key_[opened->key].push_back(std::move(subscriber));
    ++size_;
  }
}

bool Attachments::Sweep(absl::string_view key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    return false;
  }
  auto& subscribers = found->second;
  size_ -= std::erase_if(subscribers, [](const auto& subscriber) { return subscriber->IsGone(); });
  if (!subscribers.empty()) {
    return false;
  }
  by_key_.erase(found);
  return true;
}

void Attachments::OnEvent(std::unique_ptr<const reactor::Notice> notice) {
  const auto found = by_key_.find(notice->key);
  if (found == by_key_.end()) {
    return;
  }
  const std::shared_ptr<const reactor::Notice> shared = std::move(notice);
  for (const auto& subscriber : found->second) {
    subscriber->OnEvent(shared);
  }
  if (shared->end) {
    size_ -= found->second.size();
    by_key_.erase(found);
  }
}

}  // namespace timerd::delivery
