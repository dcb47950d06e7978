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
    by_id_[opened->id].push_back(std::move(subscriber));
    ++size_;
  }
}

void Attachments::Sweep(absl::string_view id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    return;
  }
  auto& subscribers = found->second;
  size_ -= std::erase_if(subscribers, [](const auto& subscriber) { return subscriber->IsGone(); });
  if (subscribers.empty()) {
    by_id_.erase(found);
  }
}

void Attachments::OnEvent(std::shared_ptr<const reactor::Notice> notice) {
  const auto found = by_id_.find(notice->id);
  if (found == by_id_.end()) {
    return;
  }
  for (const auto& subscriber : found->second) {
    subscriber->OnEvent(notice);
  }
  if (notice->end) {
    size_ -= found->second.size();
    by_id_.erase(found);
  }
}

}  // namespace timerd::delivery
