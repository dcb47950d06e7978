// A batch as a file of lines.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::cli {

struct BatchLine {
  size_t number = 0;  // From 1.
  v1::BatchItem item;
};

// One BatchItem a line, in the JSON mapping of proto3; lines of blanks are left out. What the
// server would say about an item is left to it. Errors name the line, the rule and the way out.
absl::StatusOr<std::vector<BatchLine>> ParseBatchLines(absl::string_view text);

// How many of `lines`, from the first on, go into one call: as many as the limits of a server with
// default flags allow, at least one. REQUIRES: there is one.
size_t FittingIntoOneCall(absl::Span<const BatchLine> lines);

}  // namespace timerd::cli
