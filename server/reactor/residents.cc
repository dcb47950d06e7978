#include "server/reactor/residents.h"

#include <utility>

#include "server/base/check.h"

namespace timerd::reactor {

std::optional<Slot> Residents::Find(absl::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? std::nullopt : std::optional<Slot>(found->second);
}

Slot Residents::Add(timer::Handle handle) {
  Slot slot = static_cast<Slot>(slab_.size());
  if (free_.empty()) {
    slab_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  const bool added = by_key_.emplace(handle.key, slot).second;
  TIMERD_CHECK(added);
  slab_[slot].handle = std::move(handle);
  return slot;
}

void Residents::Remove(Slot slot) {
  by_key_.erase(slab_[slot].handle.key);
  slab_[slot] = Resident();
  free_.push_back(slot);
}

std::vector<Slot> Residents::All() const {
  std::vector<Slot> slots;
  slots.reserve(by_key_.size());
  for (const auto& [key, slot] : by_key_) {
    slots.push_back(slot);
  }
  return slots;
}

}  // namespace timerd::reactor
