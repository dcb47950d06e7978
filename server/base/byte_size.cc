#include "server/base/byte_size.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace timerd {
namespace {

constexpr char kPrefixes[] = {'K', 'M', 'G', 'T'};

// How many bytes "MiB", "MB", "B" or "" stand for; 0 for what is no unit.
double UnitOf(absl::string_view unit) {
  if (unit.empty() || absl::EqualsIgnoreCase(unit, "B")) {
    return 1;
  }
  double binary = 1;
  double decimal = 1;
  for (const char prefix : kPrefixes) {
    binary *= 1024;
    decimal *= 1000;
    if (absl::EqualsIgnoreCase(unit, absl::StrCat(std::string(1, prefix), "iB"))) {
      return binary;
    }
    if (absl::EqualsIgnoreCase(unit, absl::StrCat(std::string(1, prefix), "B"))) {
      return decimal;
    }
  }
  return 0;
}

}  // namespace

std::optional<uint64_t> ParseByteSize(absl::string_view text) {
  size_t digits = 0;
  while (digits < text.size() &&
         (absl::ascii_isdigit(static_cast<unsigned char>(text[digits])) || text[digits] == '.')) {
    ++digits;
  }
  double number = 0;
  if (digits == 0 || !absl::SimpleAtod(text.substr(0, digits), &number)) {
    return std::nullopt;
  }
  const double unit = UnitOf(absl::StripLeadingAsciiWhitespace(text.substr(digits)));
  const double bytes = number * unit;
  if (unit == 0 || bytes >= std::ldexp(1, 63)) {
    return std::nullopt;
  }
  return static_cast<uint64_t>(bytes);
}

std::string FormatByteSize(uint64_t bytes) {
  uint64_t unit = 1;
  std::string name = "B";
  for (const char prefix : kPrefixes) {
    if (bytes / 1024 < unit) {
      break;
    }
    unit *= 1024;
    name = absl::StrCat(std::string(1, prefix), "iB");
  }
  const uint64_t tenth = bytes % unit * 10 / unit;
  return absl::StrCat(bytes / unit, tenth == 0 ? "" : absl::StrCat(".", tenth), name);
}

}  // namespace timerd
