#include "server/store/memory_kv.h"

#include <utility>

namespace timerd::store {
namespace {

constexpr size_t kPageKeys = 64;

absl::string_view View(const std::string& s) { return {s.data(), s.size()}; }

}  // namespace

absl::Status MemoryKv::Write(const WriteBatch& batch, Durability) {
  MutexLock lock(mutex_);
  ++writes_;
  batch.ForEach([this](absl::string_view key,
                       absl::string_view value) { Set(std::string(key), std::string(value)); },
                [this](absl::string_view key) { Set(std::string(key), std::nullopt); });
  return absl::OkStatus();
}

void MemoryKv::Set(const std::string& key, std::optional<std::string> value) {
  if (scans_ == 0) {
    if (value.has_value()) {
      Version& version = entries_[key];
      version.written = writes_;
      version.value = std::move(value);
    } else {
      entries_.erase(key);
    }
    return;
  }
  const auto [it, is_new] = entries_.try_emplace(key);
  Version& version = it->second;
  if (!is_new) {
    auto older = std::make_unique<Version>(std::move(version));
    version = Version();
    version.older = std::move(older);
  }
  if (!is_new || !value.has_value()) {
    superseded_.push_back(key);
  }
  version.written = writes_;
  version.value = std::move(value);
}

absl::StatusOr<std::optional<std::string>> MemoryKv::Get(absl::string_view key) const {
  MutexLock lock(mutex_);
  return ValueOf(key);
}

absl::StatusOr<OrderedKv::Values> MemoryKv::GetMany(absl::Span<const std::string> keys) const {
  MutexLock lock(mutex_);
  Values values;
  for (const std::string& key : keys) {
    values.push_back(ValueOf(key));
  }
  return values;
}

std::optional<std::string> MemoryKv::ValueOf(absl::string_view key) const {
  const auto it = entries_.find(key);
  return it == entries_.end() ? std::nullopt : it->second.value;
}

absl::Status MemoryKv::Scan(
    absl::string_view first, absl::string_view last,
    absl::FunctionRef<bool(absl::string_view key, absl::string_view value)> visit) const {
  uint64_t as_of;
  {
    MutexLock lock(mutex_);
    as_of = writes_;
    ++scans_;
  }
  std::string next(first);
  std::vector<std::pair<std::string, std::string>> page;
  bool more = true;
  while (more) {
    page.clear();
    {
      MutexLock lock(mutex_);
      auto it = entries_.lower_bound(next);
      for (; page.size() < kPageKeys && it != entries_.end() && View(it->first) < last; ++it) {
        const Version* version = &it->second;
        while (version != nullptr && version->written > as_of) {
          version = version->older.get();
        }
        if (version != nullptr && version->value.has_value()) {
          page.emplace_back(it->first, *version->value);
        }
      }
      more = it != entries_.end() && View(it->first) < last;
      if (more) {
        next = it->first;
      }
    }
    for (const auto& [key, value] : page) {
      if (!visit(key, value)) {
        more = false;
        break;
      }
    }
  }
  MutexLock lock(mutex_);
  EndScan();
  return absl::OkStatus();
}

void MemoryKv::EndScan() const {
  if (--scans_ > 0) {
    return;
  }
  for (const std::string& key : superseded_) {
    const auto it = entries_.find(key);
    if (it == entries_.end()) {
      continue;
    }
    if (it->second.value.has_value()) {
      it->second.older.reset();
    } else {
      entries_.erase(it);
    }
  }
  superseded_.clear();
}

}  // namespace timerd::store
