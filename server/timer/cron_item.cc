#include "server/timer/cron_item.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/status.h"

namespace timerd::timer {
namespace {

class ItemParser {
 public:
  ItemParser(const FieldGrammar& grammar, absl::string_view item)
      : grammar_(grammar), item_(item) {}

  // The values that it names, as a bit set.
  absl::StatusOr<uint64_t> Parse() const {
    const std::vector<absl::string_view> parts = absl::StrSplit(item_, absl::MaxSplits('/', 1));
    int first = grammar_.first;
    int last = grammar_.last;
    if (parts[0] != "*" && !(parts[0] == "?" && grammar_.is_day)) {
      const std::vector<absl::string_view> ends = absl::StrSplit(parts[0], absl::MaxSplits('-', 1));
      TIMERD_ASSIGN_OR_RETURN(first, Value(ends[0]));
      if (ends.size() == 2) {
        TIMERD_ASSIGN_OR_RETURN(last, Value(ends[1]));
        if (last < first) {
          return Wrong("runs backwards, and ranges do not wrap; write \"", ends[0], "-",
                       grammar_.highest, ",", grammar_.first, "-", ends[1], "\"");
        }
      } else {
        last = parts.size() == 2 ? std::max(first, grammar_.last) : first;
      }
    }
    int step = 1;
    if (parts.size() == 2) {
      TIMERD_ASSIGN_OR_RETURN(step, Step(parts[1]));
    }
    uint64_t values = 0;
    for (int value = first; value <= last; value += step) {
      values |= uint64_t{1} << value;
    }
    return values;
  }

 private:
  template <typename... Parts>
  absl::Status Wrong(const Parts&... what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(grammar_.name, " \"", absl::CHexEscape(item_), "\" ", what...));
  }

  // A number or a name.
  absl::StatusOr<int> Value(absl::string_view text) const {
    if (IsNumber(text)) {
      int value = 0;
      if (!absl::SimpleAtoi(text, &value) || value < grammar_.first || value > grammar_.highest) {
        return Wrong("is out of range; use ", Allowed());
      }
      return value;
    }
    for (size_t i = 0; i < grammar_.names.size(); ++i) {
      if (absl::EqualsIgnoreCase(text, grammar_.names[i])) {
        return grammar_.first + static_cast<int>(i);
      }
    }
    return Wrong("is not understood; use *, or ", Allowed(), ", as in a-b, */n, a-b/n and a,b");
  }

  absl::StatusOr<int> Step(absl::string_view text) const {
    const int most = grammar_.last - grammar_.first + 1;
    int step = 0;
    if (!IsNumber(text) || !absl::SimpleAtoi(text, &step) || step < 1 || step > most) {
      return Wrong("has a step of \"", absl::CHexEscape(text), "\"; use a number from 1 to ", most);
    }
    return step;
  }

  std::string Allowed() const {
    const std::string numbers = absl::StrCat(grammar_.first, "-", grammar_.highest);
    return grammar_.names.empty()
               ? numbers
               : absl::StrCat(numbers, " or ", grammar_.names.front(), "-", grammar_.names.back());
  }

  static bool IsNumber(absl::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return absl::ascii_isdigit(static_cast<unsigned char>(c));
    });
  }

  const FieldGrammar& grammar_;
  const absl::string_view item_;
};

}  // namespace

absl::StatusOr<uint64_t> ParseItem(const FieldGrammar& grammar, absl::string_view item) {
  return ItemParser(grammar, item).Parse();
}

}  // namespace timerd::timer
