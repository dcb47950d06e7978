#include "client/cli/duration.h"

#include <cstddef>
#include <cstdint>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace timerd::cli {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kMaxSeconds = 315'576'000'000;  // The bound of google.protobuf.Duration.
constexpr size_t kMaxDigits = 18;                 // More would overflow the arithmetic below.

struct Unit {
  absl::string_view name;
  int64_t nanos;
};

constexpr Unit kUnits[] = {{"d", 86'400 * kNanosPerSecond},
                           {"h", 3'600 * kNanosPerSecond},
                           {"m", 60 * kNanosPerSecond},
                           {"s", kNanosPerSecond},
                           {"ms", 1'000'000},
                           {"us", 1'000},
                           {"ns", 1}};

absl::string_view TakeWhile(absl::string_view* text, bool (*accept)(unsigned char)) {
  size_t length = 0;
  while (length < text->size() && accept(static_cast<unsigned char>((*text)[length]))) {
    ++length;
  }
  const absl::string_view taken = text->substr(0, length);
  text->remove_prefix(length);
  return taken;
}

bool IsDigit(unsigned char c) { return absl::ascii_isdigit(c); }
bool IsUnitCharacter(unsigned char c) { return !absl::ascii_isdigit(c) && c != '.'; }

absl::uint128 Number(absl::string_view digits) {
  absl::uint128 number = 0;
  for (const char digit : digits) {
    number = number * 10 + static_cast<unsigned>(digit - '0');
  }
  return number;
}

absl::Status TooLong() {
  return absl::InvalidArgumentError("longer than 10,000 years; write 3652500d or less");
}

absl::Status Malformed() {
  return absl::InvalidArgumentError(
      "not a duration; write numbers with units, such as 3.5s, 1h30m, 250ms or 2d");
}

}  // namespace

absl::StatusOr<google::protobuf::Duration> ParseDuration(absl::string_view text) {
  absl::string_view rest = text;
  const bool negative = !rest.empty() && rest[0] == '-';
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    rest.remove_prefix(1);
  }
  if (rest.empty()) {
    return Malformed();
  }
  absl::uint128 total = 0;
  const Unit* next_unit = kUnits;
  while (!rest.empty()) {
    const absl::string_view whole = TakeWhile(&rest, IsDigit);
    absl::string_view fraction;
    if (!rest.empty() && rest[0] == '.') {
      rest.remove_prefix(1);
      fraction = TakeWhile(&rest, IsDigit);
      if (fraction.empty()) {
        return Malformed();
      }
    }
    if (whole.empty()) {
      return Malformed();
    }
    if (rest.empty()) {
      const std::string number = absl::StrCat(whole, fraction.empty() ? "" : ".", fraction);
      return absl::InvalidArgumentError(absl::StrCat("a number without a unit; write ", number,
                                                     "s for seconds, or end it in ms, m, h or d"));
    }
    if (whole.size() > kMaxDigits || fraction.size() > kMaxDigits) {
      return whole.size() > kMaxDigits
                 ? TooLong()
                 : absl::InvalidArgumentError("finer than a nanosecond; use fewer decimals");
    }
    const absl::string_view name = TakeWhile(&rest, IsUnitCharacter);
    const Unit* unit = std::begin(kUnits);
    while (unit != std::end(kUnits) && unit->name != name) {
      ++unit;
    }
    if (unit == std::end(kUnits)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", name, "\" is no unit; use d, h, m, s, ms, us or ns"));
    }
    if (unit < next_unit) {
      return absl::InvalidArgumentError(
          "units go from the largest to the smallest, each once; write 1h30m, not 30m1h");
    }
    next_unit = unit + 1;
    total += Number(whole) * static_cast<uint64_t>(unit->nanos);
    absl::uint128 scaled = Number(fraction) * static_cast<uint64_t>(unit->nanos);
    for (size_t i = 0; i < fraction.size(); ++i) {
      if (scaled % 10 != 0) {
        return absl::InvalidArgumentError("finer than a nanosecond; use fewer decimals");
      }
      scaled /= 10;
    }
    total += scaled;
  }
  const absl::uint128 seconds = total / kNanosPerSecond;
  const absl::uint128 nanos = total % kNanosPerSecond;
  if (seconds > kMaxSeconds || (seconds == kMaxSeconds && nanos > 0)) {
    return TooLong();
  }
  const int sign = negative ? -1 : 1;
  google::protobuf::Duration duration;
  duration.set_seconds(sign * static_cast<int64_t>(seconds));
  duration.set_nanos(sign * static_cast<int32_t>(nanos));
  return duration;
}

std::string FormatDuration(const google::protobuf::Duration& duration) {
  const bool negative = duration.seconds() < 0 || duration.nanos() < 0;
  uint64_t seconds = static_cast<uint64_t>(negative ? -duration.seconds() : duration.seconds());
  uint64_t nanos = static_cast<uint64_t>(negative ? -duration.nanos() : duration.nanos());
  if (seconds == 0 && nanos == 0) {
    return "0s";
  }
  std::string text = negative ? "-" : "";
  for (const Unit& unit : kUnits) {
    if (unit.nanos <= kNanosPerSecond) {
      break;
    }
    const uint64_t length = static_cast<uint64_t>(unit.nanos / kNanosPerSecond);
    if (seconds >= length) {
      absl::StrAppend(&text, seconds / length, unit.name);
      seconds %= length;
    }
  }
  // What is left is below a minute. Whole seconds with a fraction, or else the largest unit that
  // fits: 1.5s, 250ms, 1.5us.
  if (seconds == 0 && nanos == 0) {
    return text;
  }
  const Unit* unit = &kUnits[3];
  uint64_t left = seconds * kNanosPerSecond + nanos;
  while (left < static_cast<uint64_t>(unit->nanos)) {
    ++unit;
  }
  const uint64_t length = static_cast<uint64_t>(unit->nanos);
  absl::StrAppend(&text, left / length);
  if (left % length != 0) {
    // The leading 1 keeps the zeros between the point and the first digit.
    std::string fraction = absl::StrCat(length + left % length).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    absl::StrAppend(&text, ".", fraction);
  }
  absl::StrAppend(&text, unit->name);
  return text;
}

}  // namespace timerd::cli
