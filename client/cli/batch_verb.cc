#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "client/cli/batch_lines.h"
#include "client/cli/call.h"
#include "client/cli/input_file.h"
#include "client/cli/json.h"
#include "client/cli/names.h"
#include "client/cli/session.h"
#include "client/cli/verbs.h"

namespace timerd::cli {
namespace {

// It is all in memory before anything is sent, so that a mistake in the last line stops the first.
constexpr size_t kMaxFileBytes = size_t{256} << 20;

absl::StatusOr<std::vector<BatchLine>> ReadLines(const std::string& file) {
  const absl::string_view source = file == "-" ? "standard input" : absl::string_view(file);
  const absl::StatusOr<std::string> text = ReadInputFile(file, kMaxFileBytes);
  if (!text.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": ", text.status().message(),
                     absl::IsOutOfRange(text.status()) ? "; split it at its lines" : ""));
  }
  absl::StatusOr<std::vector<BatchLine>> lines = ParseBatchLines(*text);
  if (!lines.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(source, ": ", lines.status().message()));
  }
  if (lines->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(source,
                     ": no operation in it; write one a line, such as "
                     "{\"cancel\":{\"id\":\"tea\"}}"));
  }
  return lines;
}

// "line 7" or "lines 7 to 12".
std::string Named(absl::Span<const BatchLine> lines) {
  return lines.size() == 1
             ? absl::StrCat("line ", lines.front().number)
             : absl::StrCat("lines ", lines.front().number, " to ", lines.back().number);
}

void PrintResult(const BatchLine& line, const v1::BatchResult& result, Session& session) {
  const std::string json = JsonLine(result);
  session.PrintLine(
      absl::StrCat("{\"line\":", line.number, json == "{}" ? "" : ",", json.substr(1)),
      absl::StrCat("line ", line.number, ": ", session.human().Result(line.item, result)));
}

// Sends one call; returns its exit code, and adds how many of its lines were refused.
int SendLines(absl::Span<const BatchLine> lines, Session& session, size_t* refused) {
  v1::BatchRequest request;
  for (const BatchLine& line : lines) {
    *request.add_items() = line.item;
  }
  v1::BatchResponse reply;
  grpc::Status status = Call(session, &v1::Timers::Stub::Batch, request, &reply);
  if (status.ok() && static_cast<size_t>(reply.results_size()) != lines.size()) {
    status = grpc::Status(
        grpc::StatusCode::UNKNOWN,
        absl::StrCat("the server answered with ", Counted(reply.results_size(), "result"), " for ",
                     Counted(lines.size(), "operation")));
  }
  if (!status.ok()) {
    return session.Failed(status);
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    const v1::BatchResult& result = reply.results(static_cast<int>(i));
    PrintResult(lines[i], result, session);
    *refused += result.has_error() ? 1 : 0;
  }
  return kOk;
}

}  // namespace

absl::StatusOr<int> Batch(const Arguments& arguments, Session& session) {
  const absl::StatusOr<std::vector<BatchLine>> lines = ReadLines(arguments.operand());
  if (!lines.ok()) {
    return lines.status();
  }
  size_t refused = 0;
  absl::Span<const BatchLine> rest = *lines;
  while (!rest.empty()) {
    const absl::Span<const BatchLine> now = rest.first(FittingIntoOneCall(rest));
    const int code = SendLines(now, session, &refused);
    if (code != kOk) {
      if (now.size() < lines->size()) {
        session.Complain(absl::StrCat("that was for ", Named(now),
                                      "; those before were answered, those behind not sent"));
      }
      return code;
    }
    rest.remove_prefix(now.size());
  }
  if (refused > 0) {
    session.Hint(absl::StrCat(refused, " of ", lines->size(), " lines refused"));
    return kLinesRefused;
  }
  return kOk;
}

}  // namespace timerd::cli
