#include "server/store/write_batch.h"

#include <algorithm>
#include <array>

#include "server/base/check.h"

namespace timerd::store {
namespace {

uint8_t TagOf(absl::string_view key) { return key.empty() ? 0 : static_cast<uint8_t>(key[0]); }

// The first eight bytes as a number that compares as they do; zeros behind a shorter one.
uint64_t Leading(absl::string_view bytes) {
  uint64_t leading = 0;
  for (size_t i = 0; i < sizeof leading; ++i) {
    leading = leading << 8 | (i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0);
  }
  return leading;
}

size_t CommonPrefix(absl::string_view a, absl::string_view b) {
  const size_t size = std::min(a.size(), b.size());
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + size, b.begin()).first -
                             a.begin());
}

}  // namespace

WriteBatch::Change WriteBatch::Take(absl::string_view key, absl::string_view value, Kind kind) {
  const size_t at = bytes_.size();
  TIMERD_CHECK(at + key.size() + value.size() <= UINT32_MAX);
  bytes_.append(key.data(), key.size()).append(value.data(), value.size());
  return {static_cast<uint32_t>(at), static_cast<uint32_t>(key.size()),
          static_cast<uint32_t>(value.size()), kind};
}

void WriteBatch::Put(absl::string_view key, absl::string_view value) {
  changes_.push_back(Take(key, value, Kind::kPut));
}

void WriteBatch::PutNew(absl::string_view key, absl::string_view value) {
  changes_.push_back(Take(key, value, Kind::kPutNew));
}

void WriteBatch::Delete(absl::string_view key) { changes_.push_back(Take(key, "", Kind::kDelete)); }

void WriteBatch::JoinNeighbours(absl::FunctionRef<std::optional<std::string>(size_t i)> join) {
  size_t kept = 0;
  for (size_t i = 0; i < changes_.size(); ++i) {
    const std::optional<std::string> value = i + 1 < changes_.size() ? join(i) : std::nullopt;
    changes_[kept++] = value.has_value() ? Take(key(i), *value, changes_[i].kind) : changes_[i];
    i += value.has_value() ? 1 : 0;
  }
  changes_.resize(kept);
}

void WriteBatch::Clear() {
  bytes_.clear();
  changes_.clear();
}

void WriteBatch::Compact() {
  // Keys of one kind begin alike - a tag, a shard, mostly a namespace -, so what tells them apart
  // is looked for behind that.
  std::array<absl::string_view, 256> shared;
  for (const Change& change : changes_) {
    const absl::string_view key = KeyOf(change);
    absl::string_view& prefix = shared[TagOf(key)];
    prefix = prefix.data() == nullptr ? key : key.substr(0, CommonPrefix(prefix, key));
  }
  struct Ranked {
    uint8_t tag;
    uint64_t leading;
    Change change;
  };
  std::vector<Ranked> ranked;
  ranked.reserve(changes_.size());
  for (const Change& change : changes_) {
    const absl::string_view key = KeyOf(change);
    const uint8_t tag = TagOf(key);
    ranked.push_back({tag, Leading(key.substr(shared[tag].size())), change});
  }
  std::sort(ranked.begin(), ranked.end(), [this](const Ranked& a, const Ranked& b) {
    if (a.tag != b.tag) {
      return a.tag < b.tag;
    }
    if (a.leading != b.leading) {
      return a.leading < b.leading;
    }
    const int order = KeyOf(a.change).compare(KeyOf(b.change));
    return order != 0 ? order < 0 : a.change.at < b.change.at;
  });
  changes_.clear();
  const Change* first = nullptr;  // of this key
  for (size_t i = 0; i < ranked.size(); ++i) {
    const Change& change = ranked[i].change;
    first = first == nullptr ? &change : first;
    if (i + 1 < ranked.size() && KeyOf(ranked[i + 1].change) == KeyOf(change)) {
      continue;
    }
    const bool was_there = first->kind != Kind::kPutNew;
    if (was_there || change.kind != Kind::kDelete) {
      changes_.push_back(change);
      if (change.kind != Kind::kDelete) {
        changes_.back().kind = was_there ? Kind::kPut : Kind::kPutNew;
      }
    }
    first = nullptr;
  }
}

}  // namespace timerd::store
