// Changes to a key-value store that take effect together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace timerd::store {

// Keys and values are copied into one buffer, so that a change costs no allocation of its own.
// At most 4 GiB in all.
class WriteBatch {
 public:
  void Put(absl::string_view key, absl::string_view value);
  // The same for a key that is not there: what comes and goes within a batch leaves no trace.
  void PutNew(absl::string_view key, absl::string_view value);
  void Delete(absl::string_view key);
  // Leaves the last change of each key, in the order of the keys: what the store ends up with is
  // the same, and it gets there for less.
  void Compact();
  // Where `join(i)`, of a change and the next one, gives a value, a change like the first with that
  // value takes the place of both. REQUIRES: the first is a put.
  void JoinNeighbours(absl::FunctionRef<std::optional<std::string>(size_t i)> join);
  void Clear();

  size_t size() const { return changes_.size(); }
  // What it takes in memory, of what was added to it.
  size_t bytes() const { return bytes_.size() + changes_.size() * sizeof(Change); }
  absl::string_view key(size_t i) const { return KeyOf(changes_[i]); }
  // Of a put; empty of a deletion.
  absl::string_view value(size_t i) const { return ValueOf(changes_[i]); }
  bool IsPut(size_t i) const { return changes_[i].kind != Kind::kDelete; }
  // Whether it is one of a key that was not there before the batch.
  bool IsPutNew(size_t i) const { return changes_[i].kind == Kind::kPutNew; }
  // Calls `put(key, value)` or `erase(key)` for each change, in order. The views live as long as
  // the batch is not changed.
  template <typename PutOne, typename EraseOne>
  void ForEach(PutOne put, EraseOne erase) const {
    for (const Change& change : changes_) {
      if (change.kind == Kind::kDelete) {
        erase(KeyOf(change));
      } else {
        put(KeyOf(change), ValueOf(change));
      }
    }
  }

 private:
  enum class Kind : uint8_t { kPut, kPutNew, kDelete };
  struct Change {
    uint32_t at;  // of the key in bytes_; the value is behind it
    uint32_t key_size;
    uint32_t value_size;
    Kind kind;
  };

  // Copies both into bytes_.
  Change Take(absl::string_view key, absl::string_view value, Kind kind);
  absl::string_view View(size_t at, size_t size) const { return {bytes_.data() + at, size}; }
  absl::string_view KeyOf(const Change& change) const { return View(change.at, change.key_size); }
  absl::string_view ValueOf(const Change& change) const {
    return View(change.at + change.key_size, change.value_size);
  }

  std::string bytes_;
  std::vector<Change> changes_;
};

}  // namespace timerd::store
