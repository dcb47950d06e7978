#include "client/cli/flag_reader.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/duration.h"
#include "client/cli/input_file.h"
#include "client/cli/text.h"
#include "client/cli/time_text.h"

namespace timerd::cli {
namespace {

// The most that the server's --max-payload-bytes can be set to.
constexpr size_t kMaxPayloadFileBytes = size_t{16} << 20;

}  // namespace

std::string FlagReader::Text(absl::string_view flag) {
  std::string text(arguments_.Value(flag));
  if (!IsUtf8(text)) {
    Fail(absl::StrCat(
        "--", flag, ": not UTF-8; ",
        flag == "payload" ? "use --payload-file for bytes of any kind" : "write it in UTF-8"));
  }
  return text;
}

std::string FlagReader::OptionalText(absl::string_view flag, absl::string_view placeholder) {
  if (Has(flag) && arguments_.Value(flag).empty()) {
    Fail(absl::StrCat("--", flag, "= is empty; write --", flag, "=", placeholder,
                      " or leave it out"));
  }
  return Text(flag);
}

uint64_t FlagReader::Number(absl::string_view flag, uint64_t min, uint64_t max) {
  const absl::string_view text = arguments_.Value(flag);
  uint64_t number = 0;
  // SimpleAtoi() takes blanks and signs as well.
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (!digits || !absl::SimpleAtoi(text, &number) || number < min || number > max) {
    FailValue(flag, max == std::numeric_limits<uint64_t>::max()
                        ? absl::StrCat("not a whole number of ", min, " or more")
                        : absl::StrCat("not a whole number from ", min, " to ", max));
  }
  return number;
}

double FlagReader::Real(absl::string_view flag, double min) {
  const absl::string_view text = arguments_.Value(flag);
  double number = 0;
  // SimpleAtod() takes blanks, signs, exponents, "inf" and "nan" as well.
  const bool decimal = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '.';
  });
  if (!decimal || !absl::SimpleAtod(text, &number) || number < min) {
    FailValue(flag, absl::StrCat("not a number of ", min, " or more, such as 2 or 2.5"));
  }
  return number;
}

int FlagReader::Choice(absl::string_view flag, const std::vector<absl::string_view>& choices) {
  const std::string value = absl::AsciiStrToLower(arguments_.Value(flag));
  const auto found = std::find(choices.begin(), choices.end(), value);
  if (found == choices.end()) {
    const absl::string_view nearest = Nearest(value, choices);
    FailValue(flag,
              absl::StrCat("unknown; ",
                           nearest.empty() ? "" : absl::StrCat("did you mean ", nearest, "? "),
                           "choose from ", absl::StrJoin(choices, ", ")));
  }
  return static_cast<int>(found - choices.begin());
}

void FlagReader::Read(absl::string_view flag, Sign sign, google::protobuf::Duration* field) {
  absl::StatusOr<google::protobuf::Duration> parsed = ParseDuration(arguments_.Value(flag));
  if (!parsed.ok()) {
    FailValue(flag, parsed.status().message());
  } else if (sign != Sign::kAny && (parsed->seconds() < 0 || parsed->nanos() < 0)) {
    FailValue(flag, "negative; write 0s or more");
  } else if (sign == Sign::kPositive && parsed->seconds() == 0 && parsed->nanos() == 0) {
    FailValue(flag, "no time at all; write for example 10s");
  } else {
    *field = *std::move(parsed);
  }
}

void FlagReader::Read(absl::string_view flag, google::protobuf::Timestamp* field) {
  absl::StatusOr<google::protobuf::Timestamp> parsed = ParseTimestamp(arguments_.Value(flag));
  if (!parsed.ok()) {
    FailValue(flag, parsed.status().message());
  } else {
    *field = *std::move(parsed);
  }
}

void FlagReader::Payload(std::string* field) {
  AtMostOne({"payload", "payload-file"});
  if (Has("payload")) {
    *field = Text("payload");
  } else if (Has("payload-file")) {
    absl::StatusOr<std::string> bytes =
        ReadInputFile(std::string(arguments_.Value("payload-file")), kMaxPayloadFileBytes);
    if (bytes.ok()) {
      *field = *std::move(bytes);
    } else if (absl::IsOutOfRange(bytes.status())) {
      FailValue("payload-file", absl::StrCat(bytes.status().message(),
                                             ", which no server takes; send a reference"));
    } else {
      FailValue("payload-file", bytes.status().message());
    }
  }
}

void FlagReader::Outcome(absl::string_view success, absl::string_view failure,
                         v1::Outcome* outcome) {
  const bool well = Has(success);
  outcome->set_result(well ? v1::Outcome::RESULT_SUCCESS : v1::Outcome::RESULT_FAILURE);
  outcome->set_payload(Text(well ? success : failure));
}

void FlagReader::Require(absl::string_view flag, absl::string_view example) {
  if (!arguments_.Has(flag)) {
    Fail(absl::StrCat("--", flag, " is missing; write --", flag, "=", example));
  }
}

void FlagReader::AtMostOne(const std::vector<absl::string_view>& flags) {
  const std::vector<std::string> given = Given(flags);
  if (given.size() > 1) {
    Fail(absl::StrCat(absl::StrJoin(given, " and "), " exclude each other; leave out all but one"));
  }
}

void FlagReader::ExactlyOne(const std::vector<absl::string_view>& flags, absl::string_view hint) {
  AtMostOne(flags);
  if (Given(flags).empty()) {
    Fail(absl::StrCat("one of --", absl::StrJoin(flags, ", --"), " is missing; write for example ",
                      hint));
  }
}

void FlagReader::Fail(absl::string_view message) {
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(message);
  }
}

void FlagReader::FailValue(absl::string_view flag, absl::string_view message) {
  Fail(absl::StrCat("--", flag, "=", arguments_.Value(flag), ": ", message));
}

std::vector<std::string> FlagReader::Given(const std::vector<absl::string_view>& flags) const {
  std::vector<std::string> given;
  for (const absl::string_view flag : flags) {
    if (arguments_.Has(flag)) {
      given.push_back(absl::StrCat("--", flag));
    }
  }
  return given;
}

}  // namespace timerd::cli
