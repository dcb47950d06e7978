#include <algorithm>
#include <utility>

#include "server/store/ordered_kv.h"

namespace timerd::store {

void WriteBatch::Compact() {
  std::stable_sort(changes_.begin(), changes_.end(),
                   [](const Change& a, const Change& b) { return a.key < b.key; });
  size_t kept = 0;
  for (size_t i = 0; i < changes_.size(); ++i) {
    if (i + 1 < changes_.size() && changes_[i + 1].key == changes_[i].key) {
      continue;
    }
    if (kept != i) {
      changes_[kept] = std::move(changes_[i]);
    }
    ++kept;
  }
  changes_.erase(changes_.begin() + static_cast<ptrdiff_t>(kept), changes_.end());
}

}  // namespace timerd::store
