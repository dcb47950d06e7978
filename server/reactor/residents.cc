#include "server/reactor/residents.h"

#include <memory>
#include <utility>

#include "server/base/check.h"

namespace timerd::reactor {
namespace {

// What malloc() adds to a block, and rounds it up to.
constexpr size_t kBlockOverhead = 16;
// Of each resident in other places: a node and an entry of the wheel, an element of the table by
// key at its usual load, and a place in the list of those that are free.
constexpr size_t kElsewhere = 24 + 16 + 16 + 4;

size_t BytesBehind(const std::string& text) {
  // What is short stands in the string itself.
  return text.capacity() < sizeof(std::string) / 2 ? 0 : text.capacity() + kBlockOverhead;
}

size_t BytesBehind(const Boxed<timer::Outcome>& outcome) {
  return outcome ? sizeof(timer::Outcome) + kBlockOverhead + BytesBehind(outcome->payload) : 0;
}

template <typename T>
size_t BytesBehind(const Sparse<T>& value) {
  return value.bytes_behind() == 0 ? 0 : value.bytes_behind() + kBlockOverhead;
}

size_t BytesBehind(const Boxed<timer::Event>& event) {
  return event ? sizeof(timer::Event) + kBlockOverhead + BytesBehind(event->payload) : 0;
}

}  // namespace

size_t ResidentBytes(const timer::Handle& handle) {
  const timer::Spec& spec = handle.spec;
  size_t bytes = sizeof(Resident) + kBlockOverhead + kElsewhere;
  bytes += BytesBehind(handle.key) + BytesBehind(spec.payload) + BytesBehind(spec.fallback) +
           BytesBehind(spec.idempotency_key) + BytesBehind(spec.queue) + BytesBehind(spec.loop) +
           BytesBehind(spec.delivery) + BytesBehind(handle.loop);
  bytes += handle.lost ? sizeof(Deadline) + kBlockOverhead : 0;
  for (const timer::Timeout& timeout : handle.timeouts) {
    bytes += BytesBehind(timeout.fallback) + BytesBehind(timeout.key);
  }
  bytes += handle.timeouts.capacity() * sizeof(timer::Timeout);
  bytes += BytesBehind(handle.last_firing) + BytesBehind(handle.end);
  return bytes;
}

Residents::Residents() : by_key_(0, Hash(), Eq{&slab_}) {}

uint32_t Residents::HashOf(absl::string_view key) {
  return static_cast<uint32_t>(absl::HashOf(key));
}

std::optional<Slot> Residents::Find(absl::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? std::nullopt : std::optional<Slot>(found->slot);
}

Slot Residents::Add(timer::Handle handle) {
  Slot slot = static_cast<Slot>(slab_.size());
  if (free_.empty()) {
    slab_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  TIMERD_CHECK(!by_key_.contains(absl::string_view(handle.key)));
  by_key_.insert({HashOf(handle.key), slot});
  slab_[slot].handle = std::move(handle);
  Measure(slot);
  return slot;
}

void Residents::Measure(Slot slot) {
  const size_t bytes = ResidentBytes(slab_[slot].handle);
  bytes_ += bytes - slab_[slot].bytes;
  slab_[slot].bytes = bytes;
}

void Residents::Remove(Slot slot) {
  by_key_.erase(absl::string_view(slab_[slot].handle.key));
  bytes_ -= slab_[slot].bytes;
  // Not assigned: that may leave a string the room that it had.
  std::destroy_at(&slab_[slot]);
  std::construct_at(&slab_[slot]);
  free_.push_back(slot);
}

std::vector<Slot> Residents::All() const {
  std::vector<Slot> slots;
  slots.reserve(by_key_.size());
  for (const Keyed& keyed : by_key_) {
    slots.push_back(keyed.slot);
  }
  return slots;
}

}  // namespace timerd::reactor
