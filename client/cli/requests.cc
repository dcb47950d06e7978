#include "client/cli/requests.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/duration.h"
#include "client/cli/text.h"
#include "client/cli/time_text.h"

namespace timerd::cli {
namespace {

// The most that the server's --max-payload-bytes can be set to.
constexpr size_t kMaxPayloadFileBytes = size_t{16} << 20;
constexpr int kDefaultLimit = 100;
constexpr int kMaxPageSize = 1000;

enum class Sign { kPositive, kNotNegative, kAny };

// Reads flags into fields and remembers the first error; after it, nothing is read any more.
class Reader {
 public:
  explicit Reader(const Arguments& arguments) : arguments_(arguments) {}

  const absl::Status& status() const { return status_; }

  // True when `flag` is there and nothing has gone wrong so far.
  bool Has(absl::string_view flag) const { return status_.ok() && arguments_.Has(flag); }

  std::string Text(absl::string_view flag) {
    std::string text(arguments_.Value(flag));
    if (!IsUtf8(text)) {
      Fail(absl::StrCat("--", flag, ": not UTF-8; use --payload-file for bytes of any kind"));
    }
    return text;
  }

  void Read(absl::string_view flag, Sign sign, google::protobuf::Duration* field) {
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

  void Read(absl::string_view flag, google::protobuf::Timestamp* field) {
    absl::StatusOr<google::protobuf::Timestamp> parsed = ParseTimestamp(arguments_.Value(flag));
    if (!parsed.ok()) {
      FailValue(flag, parsed.status().message());
    } else {
      *field = *std::move(parsed);
    }
  }

  uint64_t Number(absl::string_view flag, uint64_t min, uint64_t max) {
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

  // The index of the value among `choices`.
  int Choice(absl::string_view flag, const std::vector<absl::string_view>& choices) {
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

  void Payload(std::string* field) {
    AtMostOne({"payload", "payload-file"});
    if (Has("payload")) {
      *field = Text("payload");
    } else if (Has("payload-file")) {
      ReadFile(field);
    }
  }

  // Sets `outcome` when one of the two flags is there.
  void Outcome(absl::string_view success, absl::string_view failure, v1::Outcome* outcome) {
    const bool well = Has(success);
    outcome->set_result(well ? v1::Outcome::RESULT_SUCCESS : v1::Outcome::RESULT_FAILURE);
    outcome->set_payload(Text(well ? success : failure));
  }

  // The id of something that need not have one: absent, or not empty.
  std::string OptionalId(absl::string_view flag) {
    if (Has(flag) && arguments_.Value(flag).empty()) {
      Fail(absl::StrCat("--", flag, "= is empty; write --", flag, "=ID or leave it out"));
    }
    return Text(flag);
  }

  void Require(absl::string_view flag, absl::string_view example) {
    if (!arguments_.Has(flag)) {
      Fail(absl::StrCat("--", flag, " is missing; write --", flag, "=", example));
    }
  }

  void AtMostOne(const std::vector<absl::string_view>& flags) {
    const std::vector<std::string> given = Given(flags);
    if (given.size() > 1) {
      Fail(absl::StrCat(absl::StrJoin(given, " and "),
                        " exclude each other; leave out all but one"));
    }
  }

  // `hint` shows one of them in use.
  void ExactlyOne(const std::vector<absl::string_view>& flags, absl::string_view hint) {
    AtMostOne(flags);
    if (Given(flags).empty()) {
      std::vector<std::string> names;
      for (const absl::string_view flag : flags) {
        names.push_back(absl::StrCat("--", flag));
      }
      Fail(absl::StrCat("one of ", absl::StrJoin(names, ", "), " is missing; write for example ",
                        hint));
    }
  }

  void Fail(absl::string_view message) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(message);
    }
  }

 private:
  void FailValue(absl::string_view flag, absl::string_view message) {
    Fail(absl::StrCat("--", flag, "=", arguments_.Value(flag), ": ", message));
  }

  std::vector<std::string> Given(const std::vector<absl::string_view>& flags) const {
    std::vector<std::string> given;
    for (const absl::string_view flag : flags) {
      if (arguments_.Has(flag)) {
        given.push_back(absl::StrCat("--", flag));
      }
    }
    return given;
  }

  void ReadFile(std::string* field) {
    const std::string name(arguments_.Value("payload-file"));
    std::ifstream file;
    if (name != "-") {
      file.open(name, std::ios::binary);
    }
    std::istream& in = name == "-" ? std::cin : file;
    std::string bytes(kMaxPayloadFileBytes + 1, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (in.bad() || (name != "-" && !file.is_open()) || (in.fail() && !in.eof())) {
      FailValue("payload-file", "cannot be read; name a readable file, or - for standard input");
      return;
    }
    bytes.resize(static_cast<size_t>(in.gcount()));
    if (bytes.size() > kMaxPayloadFileBytes) {
      FailValue("payload-file", "holds more than 16 MiB, which no server takes; send a reference");
      return;
    }
    *field = std::move(bytes);
  }

  const Arguments& arguments_;
  absl::Status status_;
};

// What a Make...() function ends with.
template <typename T>
absl::StatusOr<T> Finished(const Reader& reader, T&& value) {
  if (!reader.status().ok()) {
    return reader.status();
  }
  return std::forward<T>(value);
}

}  // namespace

absl::StatusOr<v1::ScheduleRequest> MakeScheduleRequest(const Arguments& arguments) {
  Reader reader(arguments);
  v1::ScheduleRequest request;
  reader.ExactlyOne({"in", "at"}, "--in=5m");
  if (reader.Has("in")) {
    reader.Read("in", Sign::kNotNegative, request.mutable_delay());
  }
  if (reader.Has("at")) {
    reader.Read("at", request.mutable_at());
  }
  request.set_id(reader.OptionalId("id"));
  request.set_reported(reader.Has("reported"));
  reader.Payload(request.mutable_payload());
  request.set_detached(reader.Has("detach"));
  return Finished(reader, std::move(request));
}

absl::StatusOr<v1::StartLoopRequest> MakeStartLoopRequest(const Arguments& arguments) {
  Reader reader(arguments);
  v1::StartLoopRequest request;
  reader.Require("every", "1s");
  if (reader.Has("every")) {
    reader.Read("every", Sign::kNotNegative, request.mutable_interval());
  }
  request.set_id(reader.OptionalId("id"));
  request.set_start_now(reader.Has("now"));
  reader.Payload(request.mutable_payload());
  request.set_detached(reader.Has("detach"));
  return Finished(reader, std::move(request));
}

absl::StatusOr<v1::WithTimeoutRequest> MakeWithTimeoutRequest(const Arguments& arguments) {
  Reader reader(arguments);
  v1::WithTimeoutRequest request;
  reader.Require("in", "30s");
  if (reader.Has("in")) {
    reader.Read("in", Sign::kNotNegative, request.mutable_timeout());
  }
  reader.AtMostOne({"target", "id"});
  request.set_id(reader.OptionalId("id"));
  request.set_target_id(reader.OptionalId("target"));
  reader.AtMostOne({"fallback", "fallback-failure"});
  if (reader.Has("fallback") || reader.Has("fallback-failure")) {
    reader.Outcome("fallback", "fallback-failure", request.mutable_fallback());
  }
  request.set_detached(reader.Has("detach"));
  return Finished(reader, std::move(request));
}

absl::StatusOr<v1::WatchRequest> MakeWatchRequest(const Arguments& arguments) {
  Reader reader(arguments);
  v1::WatchRequest request;
  request.set_id(arguments.operand());
  if (reader.Has("after")) {
    request.set_after_sequence(reader.Number("after", 0, std::numeric_limits<uint64_t>::max()));
  }
  return Finished(reader, std::move(request));
}

absl::StatusOr<v1::ReportRequest> MakeReportRequest(const Arguments& arguments) {
  Reader reader(arguments);
  v1::ReportRequest request;
  request.set_id(arguments.operand());
  reader.Require("run", "1");
  if (reader.Has("run")) {
    request.set_run(reader.Number("run", 1, std::numeric_limits<uint64_t>::max()));
  }
  reader.ExactlyOne({"success", "failure"}, "--success");
  reader.Outcome("success", "failure", request.mutable_outcome());
  return Finished(reader, std::move(request));
}

absl::StatusOr<v1::RescheduleRequest> MakeRescheduleRequest(const Arguments& arguments) {
  Reader reader(arguments);
  v1::RescheduleRequest request;
  request.set_id(arguments.operand());
  reader.ExactlyOne({"in", "by", "at"}, "--in=5m");
  if (reader.Has("in")) {
    reader.Read("in", Sign::kNotNegative, request.mutable_from_now());
  }
  if (reader.Has("by")) {
    reader.Read("by", Sign::kAny, request.mutable_delay_by());
  }
  if (reader.Has("at")) {
    reader.Read("at", request.mutable_at());
  }
  return Finished(reader, std::move(request));
}

absl::StatusOr<Listing> MakeListing(const Arguments& arguments) {
  Reader reader(arguments);
  Listing listing;
  listing.limit = kDefaultLimit;
  if (reader.Has("state")) {
    listing.request.set_state(static_cast<v1::State>(
        1 + reader.Choice("state", {"pending", "running", "stopping", "ended"})));
  }
  if (reader.Has("kind")) {
    listing.request.set_kind(
        static_cast<v1::Kind>(1 + reader.Choice("kind", {"timer", "loop", "task"})));
  }
  if (reader.Has("prefix")) {
    listing.request.set_id_prefix(reader.Text("prefix"));
  }
  if (reader.Has("limit")) {
    listing.limit =
        static_cast<int>(reader.Number("limit", 1, std::numeric_limits<int32_t>::max()));
  }
  listing.request.set_page_size(std::min(listing.limit, kMaxPageSize));
  return Finished(reader, std::move(listing));
}

absl::StatusOr<absl::Duration> AnswerTimeout(const Arguments& arguments) {
  if (!arguments.Has("timeout")) {
    return absl::Seconds(10);
  }
  Reader reader(arguments);
  google::protobuf::Duration timeout;
  reader.Read("timeout", Sign::kPositive, &timeout);
  return Finished(reader, absl::Seconds(timeout.seconds()) + absl::Nanoseconds(timeout.nanos()));
}

}  // namespace timerd::cli
