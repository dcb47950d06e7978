#include "client/cli/layout.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/text.h"

namespace timerd::cli {

std::string Aligned(const std::vector<const Column*>& columns, size_t rows) {
  std::vector<std::string> lines(rows + 1);
  for (const Column* column : columns) {
    size_t width = 0;
    for (const std::string& cell : column->cells) {
      width = std::max(width, Width(cell));
    }
    if (width == 0) {
      continue;
    }
    width = std::max(width, column->title.size());
    for (size_t i = 0; i < lines.size(); ++i) {
      const absl::string_view cell =
          i == 0 ? column->title : absl::string_view(column->cells[i - 1]);
      const std::string blanks(column->to_the_right ? width - Width(cell) : 0, ' ');
      absl::StrAppend(&lines[i], lines[i].empty() ? "" : "  ",
                      Padded(absl::StrCat(blanks, cell), width));
    }
  }
  std::string out;
  for (std::string& line : lines) {
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

void Facts::Add(absl::string_view name, std::string value) {
  if (!value.empty()) {
    facts_.emplace_back(name, std::move(value));
  }
}

std::string Facts::Aligned() const {
  constexpr size_t kNameWidth = 10;
  std::string out;
  absl::string_view last;
  for (const auto& [name, value] : facts_) {
    absl::StrAppend(&out, Padded(name == last ? "" : name, kNameWidth), "  ", value, "\n");
    last = name;
  }
  return out;
}

}  // namespace timerd::cli
