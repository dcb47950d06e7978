#include "server/timer/cron_parser.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "server/base/status.h"
#include "server/timer/cron_item.h"

namespace timerd::timer {
namespace {

constexpr size_t kMaxBytes = 256;

constexpr absl::string_view kMonths[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                         "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr absl::string_view kWeekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct Shorthand {
  absl::string_view name;
  absl::string_view expression;
};
constexpr Shorthand kShorthands[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

constexpr FieldGrammar kSecond = {"second", 0, 59, 59, {}, false};
constexpr FieldGrammar kMinute = {"minute", 0, 59, 59, {}, false};
constexpr FieldGrammar kHour = {"hour", 0, 23, 23, {}, false};
constexpr FieldGrammar kDay = {"day of month", 1, 31, 31, {}, true};
constexpr FieldGrammar kMonth = {"month", 1, 12, 12, kMonths, false};
constexpr FieldGrammar kWeekday = {"day of week", 0, 6, 7, kWeekdays, true};

template <typename... Parts>
absl::Status Bad(const Parts&... message) {
  return Refuse(Reason::kInvalidField, absl::StrCat(message...), "cron.expression");
}

std::string Show(absl::string_view text) {
  return absl::StrCat("\"", absl::CHexEscape(text), "\"");
}

absl::Status ParseField(const FieldGrammar& grammar, absl::string_view text, uint64_t& values) {
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    TIMERD_ASSIGN_OR_RETURN(const uint64_t named, ParseItem(grammar, item));
    values |= named;
  }
  return absl::OkStatus();
}

bool IsOpen(absl::string_view day_field) { return day_field[0] == '*' || day_field[0] == '?'; }

// `texts` are six, with seconds first.
absl::StatusOr<CronFields> ParseFields(absl::Span<const absl::string_view> texts) {
  CronFields fields;
  TIMERD_RETURN_IF_ERROR(ParseField(kSecond, texts[0], fields.seconds));
  TIMERD_RETURN_IF_ERROR(ParseField(kMinute, texts[1], fields.minutes));
  TIMERD_RETURN_IF_ERROR(ParseField(kHour, texts[2], fields.hours));
  TIMERD_RETURN_IF_ERROR(ParseField(kDay, texts[3], fields.days));
  TIMERD_RETURN_IF_ERROR(ParseField(kMonth, texts[4], fields.months));
  TIMERD_RETURN_IF_ERROR(ParseField(kWeekday, texts[5], fields.weekdays));
  fields.weekdays = (fields.weekdays | fields.weekdays >> 7) & 0b1111111;  // 7 is Sunday too
  fields.either_day = !IsOpen(texts[3]) && !IsOpen(texts[5]);
  return fields;
}

}  // namespace

absl::StatusOr<CronFields> ParseCron(absl::string_view expression) {
  if (expression.size() > kMaxBytes) {
    return Bad("cron.expression of ", expression.size(), " bytes is longer than ", kMaxBytes,
               " bytes; use ranges and steps, or several loops");
  }
  const auto split = [](absl::string_view text) -> std::vector<absl::string_view> {
    return absl::StrSplit(text, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  };
  std::vector<absl::string_view> texts = split(expression);
  if (!texts.empty() && texts[0][0] == '@') {
    const auto shorthand =
        std::find_if(std::begin(kShorthands), std::end(kShorthands), [&](const Shorthand& entry) {
          return texts.size() == 1 && absl::EqualsIgnoreCase(texts[0], entry.name);
        });
    if (shorthand == std::end(kShorthands)) {
      return Bad("cron.expression ", Show(expression), " is no shorthand; use @yearly, @annually, ",
                 "@monthly, @weekly, @daily, @midnight or @hourly, or write fields");
    }
    texts = split(shorthand->expression);
  }
  if (texts.size() == 5) {
    texts.insert(texts.begin(), "0");
  }
  if (texts.size() != 6) {
    return Bad("cron.expression ", Show(expression), " has ", texts.size(), " fields; write five ",
               "(minute, hour, day of month, month, day of week), or six with seconds first");
  }
  absl::StatusOr<CronFields> fields = ParseFields(texts);
  if (!fields.ok()) {
    return Bad("cron.expression ", Show(expression), ": ", fields.status().message());
  }
  if (!CanMatch(*fields)) {
    return Bad("cron.expression ", Show(expression), " never matches: none of its months has such ",
               "a day; use a day that its months have");
  }
  return fields;
}

}  // namespace timerd::timer
