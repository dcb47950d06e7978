#include "client/cli/batch_lines.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/text.h"
#include "google/protobuf/util/json_util.h"

namespace timerd::cli {
namespace {

// The server's --max-batch-items, and its --max-request-bytes less what a namespace takes.
constexpr size_t kMaxItems = 10'000;
constexpr size_t kMaxBytes = (size_t{1} << 20) - 128;
// Of an item within its request: a tag, and a length below 2^21.
constexpr size_t kBytesAroundItem = 4;

absl::Status BadLine(size_t number, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(
      "line ", number, ": ", message, "; write for example {\"cancel\":{\"id\":\"tea\"}}"));
}

// The first line of what Protobuf says; behind it comes a picture of the place.
std::string Sentence(const google::protobuf::util::Status& status) {
  std::string message(status.message());
  message.resize(std::min(message.find('\n'), message.size()));
  // It begins with the field, which may be none, and may end in a full stop.
  return std::string(absl::StripSuffix(absl::StripPrefix(message, ": "), "."));
}

}  // namespace

absl::StatusOr<std::vector<BatchLine>> ParseBatchLines(absl::string_view text) {
  std::vector<BatchLine> lines;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) {
      continue;
    }
    if (!IsUtf8(line)) {
      return BadLine(number, "not UTF-8, as JSON is");
    }
    BatchLine parsed;
    parsed.number = number;
    const google::protobuf::util::Status status =
        google::protobuf::util::JsonStringToMessage(std::string(line), &parsed.item);
    if (!status.ok()) {
      return BadLine(number, absl::StrCat("no operation in JSON: ", Sentence(status)));
    }
    if (parsed.item.operation_case() == v1::BatchItem::OPERATION_NOT_SET) {
      return BadLine(number,
                     "names none of schedule, start_loop, with_timeout, cancel, stop_loop, report "
                     "and reschedule");
    }
    lines.push_back(std::move(parsed));
  }
  return lines;
}

size_t FittingIntoOneCall(absl::Span<const BatchLine> lines) {
  size_t count = 0;
  size_t bytes = 0;
  while (count < lines.size() && count < kMaxItems) {
    bytes += lines[count].item.ByteSizeLong() + kBytesAroundItem;
    if (count > 0 && bytes > kMaxBytes) {
      break;
    }
    ++count;
  }
  return count;
}

}  // namespace timerd::cli
