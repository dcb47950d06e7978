// The items that the fields of a cron expression are lists of: "*/15", "MON-FRI", "7".
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace timerd::timer {

// What may stand in a field.
struct FieldGrammar {
  absl::string_view name;
  int first;                                  // of what `*` stands for
  int last;                                   // of what `*` stands for
  int highest;                                // number: 7 for weekdays
  absl::Span<const absl::string_view> names;  // of `first` and those that follow
  bool is_day;                                // `?` may stand for `*`
};

// The values that an item names, as a bit set. The syntax is in cron_parser.h.
// Errors: InvalidArgument; the message begins with the name of the field.
absl::StatusOr<uint64_t> ParseItem(const FieldGrammar& grammar, absl::string_view item);

}  // namespace timerd::timer
