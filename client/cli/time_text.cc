#include "client/cli/time_text.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace timerd::cli {
namespace {

// absl::ParseTime() is lenient about blanks, years and "infinite-future"; a date begins like this.
bool BeginsWithDate(absl::string_view text) {
  constexpr absl::string_view kShape = "dddd-dd-dd";
  if (text.size() < kShape.size()) {
    return false;
  }
  for (size_t i = 0; i < kShape.size(); ++i) {
    const bool fits = kShape[i] == 'd' ? absl::ascii_isdigit(static_cast<unsigned char>(text[i]))
                                       : text[i] == kShape[i];
    if (!fits) {
      return false;
    }
  }
  return !absl::ascii_isspace(static_cast<unsigned char>(text.back()));
}

bool ParseWith(absl::string_view suffix, absl::string_view text, absl::Time* time) {
  for (const absl::string_view clock : {"T%H:%M:%E*S", "T%H:%M"}) {
    std::string error;
    if (absl::ParseTime(absl::StrCat("%Y-%m-%d", clock, suffix), text, time, &error)) {
      return true;
    }
  }
  return false;
}

int64_t Rounded(absl::Duration span, absl::Duration unit) { return (span + unit / 2) / unit; }

std::string Tenths(int64_t tenths) {
  return tenths % 10 == 0 ? absl::StrCat(tenths / 10) : absl::StrCat(tenths / 10, ".", tenths % 10);
}

std::string TwoUnits(int64_t small, int64_t per_large, absl::string_view large_name,
                     absl::string_view small_name) {
  std::string text = absl::StrCat(small / per_large, large_name);
  if (small % per_large != 0) {
    absl::StrAppend(&text, " ", small % per_large, small_name);
  }
  return text;
}

}  // namespace

absl::StatusOr<google::protobuf::Timestamp> ParseTimestamp(absl::string_view text) {
  constexpr absl::string_view kMalformed =
      "not a time; write it like 2026-11-24T09:00:00Z or 2026-11-24T09:00:00+01:00";
  if (!BeginsWithDate(text)) {
    return absl::InvalidArgumentError(kMalformed);
  }
  std::string normal(text);
  if (normal.size() > 10 && (normal[10] == ' ' || normal[10] == 't')) {
    normal[10] = 'T';
  }
  if (normal.back() == 'z') {
    normal.back() = 'Z';
  }
  absl::Time time;
  if (!ParseWith("%Ez", normal, &time)) {
    if (normal.size() == 10) {
      return absl::InvalidArgumentError(
          absl::StrCat("a date without a time of day; write ", normal, "T09:00:00Z"));
    }
    if (ParseWith("", normal, &time)) {
      return absl::InvalidArgumentError(absl::StrCat("a time without a zone; write ", normal,
                                                     "Z for UTC or ", normal,
                                                     "+01:00 for an offset"));
    }
    return absl::InvalidArgumentError(kMalformed);
  }
  // The years 1 to 9999 of UTC, which an offset can leave.
  if (time < absl::FromUnixSeconds(-62'135'596'800) ||
      time >= absl::FromUnixSeconds(253'402'300'800)) {
    return absl::InvalidArgumentError("outside of the years 1 to 9999; write a time within them");
  }
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(absl::ToUnixSeconds(time));
  timestamp.set_nanos(static_cast<int32_t>((time - absl::FromUnixSeconds(timestamp.seconds())) /
                                           absl::Nanoseconds(1)));
  return timestamp;
}

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

std::string LocalTime(absl::Time time, absl::TimeZone zone) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S", time, zone);
}

std::string LocalTime(const google::protobuf::Timestamp& timestamp, absl::TimeZone zone) {
  return LocalTime(ToTime(timestamp), zone);
}

std::string RoughSpan(absl::Duration span) {
  span = absl::AbsDuration(span);
  // Each step rounds to its own unit before it is chosen, so that 59.97 s is 1m and not 60 s.
  if (const int64_t tenths = Rounded(span, absl::Microseconds(100)); tenths < 100) {
    return absl::StrCat(Tenths(tenths), " ms");
  }
  if (const int64_t millis = Rounded(span, absl::Milliseconds(1)); millis < 1000) {
    return absl::StrCat(millis, " ms");
  }
  if (const int64_t tenths = Rounded(span, absl::Milliseconds(100)); tenths < 600) {
    return absl::StrCat(Tenths(tenths), " s");
  }
  if (const int64_t seconds = Rounded(span, absl::Seconds(1)); seconds < 3600) {
    return TwoUnits(seconds, 60, "m", "s");
  }
  if (const int64_t minutes = Rounded(span, absl::Minutes(1)); minutes < 1440) {
    return TwoUnits(minutes, 60, "h", "m");
  }
  return TwoUnits(Rounded(span, absl::Hours(1)), 24, "d", "h");
}

std::string Relative(const google::protobuf::Timestamp& when,
                     const google::protobuf::Timestamp& now) {
  const absl::Duration span = ToTime(when) - ToTime(now);
  if (span == absl::ZeroDuration()) {
    return "now";
  }
  return span > absl::ZeroDuration() ? absl::StrCat("in ", RoughSpan(span))
                                     : absl::StrCat(RoughSpan(span), " ago");
}

std::string Lateness(const google::protobuf::Timestamp& deadline,
                     const google::protobuf::Timestamp& fired) {
  const absl::Duration late = ToTime(fired) - ToTime(deadline);
  if (late < absl::ZeroDuration()) {
    // No server should ever do this, which is why it must not be hidden.
    return absl::StrCat(RoughSpan(late), " EARLY");
  }
  // Rounds to a tenth of a millisecond, as RoughSpan() does.
  return late < absl::Microseconds(50) ? "on time" : absl::StrCat(RoughSpan(late), " late");
}

}  // namespace timerd::cli
