#include "server/store/table_parts.h"

#include "server/base/status.h"

namespace timerd::store {
namespace {

size_t BytesOf(const WriteBatch& batch, size_t first, size_t last) {
  size_t bytes = 0;
  for (size_t i = first; i < last; ++i) {
    bytes += batch.key(i).size() + batch.value(i).size();
  }
  return bytes;
}

// The end of the new keys of one kind that begin at `first`.
size_t EndOfNew(const WriteBatch& batch, size_t first) {
  size_t last = first;
  while (last < batch.size() && batch.IsPutNew(last) &&
         batch.key(last).substr(0, 1) == batch.key(first).substr(0, 1)) {
    ++last;
  }
  return last;
}

}  // namespace

absl::StatusOr<std::vector<TablePart>> DivideIntoParts(const WriteBatch& batch, size_t least_bytes,
                                                       FindLastKey find_last_key) {
  std::vector<TablePart> parts;
  size_t others = 0;  // begin here
  for (size_t first = 0; first < batch.size();) {
    const size_t last = EndOfNew(batch, first);
    if (last == first) {
      ++first;
      continue;
    }
    if (BytesOf(batch, first, last) >= least_bytes) {
      TIMERD_ASSIGN_OR_RETURN(const std::optional<std::string> stored,
                              find_last_key(batch.key(first), batch.key(last - 1)));
      while (stored.has_value() && first < last && batch.key(first) <= *stored) {
        ++first;
      }
      if (first < last && BytesOf(batch, first, last) >= least_bytes) {
        if (others < first) {
          parts.push_back({others, first, /*apart=*/false});
        }
        parts.push_back({first, last, /*apart=*/true});
        others = last;
      }
    }
    first = last;
  }
  if (others < batch.size()) {
    parts.push_back({others, batch.size(), /*apart=*/false});
  }
  return parts;
}

}  // namespace timerd::store
