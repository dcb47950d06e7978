// The handles that a shard holds in memory: those that are due soon and those whose latest change
// is still on its way to the store. All others live in the store alone.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "server/timer/handle.h"

namespace timerd::reactor {

// The index of a resident; also its handle in the wheel.
using Slot = uint32_t;

struct Resident {
  timer::Handle handle;
  // What the store has of it, once all frames taken so far are applied:
  timer::IndexKeys indexed;  // these deadlines in its due index,
  bool in_store = false;     // a record of the id,
  bool spec_stored = false;  // with this spec
  bool dirty = false;        // changed since last_frame
  bool erased = false;       // forgotten; stays until the store has forgotten it too
  // Of handles that name a queue, as the shard has counted and listed them. `unwritten`: it waits
  // in the front of its line without a write, as the store has the deadline that brought it there,
  // and after a crash that brings it there again.
  bool unwritten = false;
  std::optional<timer::Stage> stage;  // nothing: not one that lives
  uint64_t lease = 0;
  std::optional<DueKey> lined;  // its place in the front of its line
  uint64_t last_frame = 0;      // the last frame that it is part of
  size_t bytes = 0;             // as Residents::bytes() counts it
};

// What `handle` takes in memory as a resident, in bytes: itself, what it points to, its place in
// the wheel and the tables, and what the allocator adds. An estimate, not too low.
size_t ResidentBytes(const timer::Handle& handle);

class Residents {
 public:
  Residents();

  // The slot of `key`, nothing if it is not resident.
  std::optional<Slot> Find(absl::string_view key) const;
  // REQUIRES: the handle's key is not resident. References to other residents stay valid.
  Slot Add(timer::Handle handle);
  void Remove(Slot slot);
  // The handle has changed: it is measured again.
  void Measure(Slot slot);

  Resident& operator[](Slot slot) { return slab_[slot]; }
  size_t size() const { return by_key_.size(); }
  // Of all together, as they were when they were measured.
  size_t bytes() const { return bytes_; }
  // All slots in use, in no particular order. O(size).
  std::vector<Slot> All() const;

 private:
  // A place in the table by key. The keys themselves stand in the slab: of their hashes so much is
  // kept that the table can grow without a look at them.
  struct Keyed {
    uint32_t hash;
    Slot slot;
  };
  static uint32_t HashOf(absl::string_view key);
  struct Hash {
    using is_transparent = void;
    size_t operator()(const Keyed& keyed) const { return absl::HashOf(keyed.hash); }
    size_t operator()(absl::string_view key) const { return absl::HashOf(Residents::HashOf(key)); }
  };
  struct Eq {
    using is_transparent = void;
    bool operator()(const Keyed& a, const Keyed& b) const { return a.slot == b.slot; }
    bool operator()(const Keyed& a, absl::string_view key) const {
      return (*slab)[a.slot].handle.key == key;
    }
    const std::deque<Resident>* slab;
  };

  std::deque<Resident> slab_;  // a deque, so that references survive growth
  std::vector<Slot> free_;
  size_t bytes_ = 0;
  absl::flat_hash_set<Keyed, Hash, Eq> by_key_;
};

}  // namespace timerd::reactor
