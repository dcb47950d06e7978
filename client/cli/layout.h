// Text in columns.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace timerd::cli {

struct Column {
  absl::string_view title;
  std::vector<std::string> cells;
  bool to_the_right = false;
};

// A table of those of `columns` that hold something, with their titles. Each has `rows` cells.
std::string Aligned(const std::vector<const Column*>& columns, size_t rows);

// What is known of one thing, a fact a line.
class Facts {
 public:
  // Left out when `value` is empty. A name that is that of the fact before is not repeated.
  void Add(absl::string_view name, std::string value);
  std::string Aligned() const;

 private:
  std::vector<std::pair<absl::string_view, std::string>> facts_;
};

}  // namespace timerd::cli
