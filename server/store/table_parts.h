// Which tables a sorted batch becomes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store/write_batch.h"

namespace timerd::store {

// The changes [first, last) of a batch. `apart`: no key of the store lies between theirs.
struct TablePart {
  size_t first;
  size_t last;
  bool apart;
  friend bool operator==(const TablePart&, const TablePart&) = default;
};

// Finds the last key of the store in [first, last].
using FindLastKey = absl::FunctionRef<absl::StatusOr<std::optional<std::string>>(
    absl::string_view first, absl::string_view last)>;

// Divides `batch`, which is Compact(), into parts, in order. Keys that grow, as ids and deadlines
// of one delay do, lie behind those of the batches before: at least `least_bytes` of new keys side
// by side, behind all that the store has between them, are a part that is apart. As a table of its
// own it need never be merged with what was there before. What lies between such parts is the
// others.
absl::StatusOr<std::vector<TablePart>> DivideIntoParts(const WriteBatch& batch, size_t least_bytes,
                                                       FindLastKey find_last_key);

}  // namespace timerd::store
