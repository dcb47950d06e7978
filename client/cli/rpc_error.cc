#include "client/cli/rpc_error.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/time_text.h"

namespace timerd::cli {
namespace {

// "Connection refused" of gRPC's "failed to connect to all addresses; last error: UNKNOWN:
// ipv4:127.0.0.1:7400: Failed to connect to remote host: Connection refused".
absl::string_view LastPart(absl::string_view message) {
  const size_t colon = message.rfind(": ");
  return colon == absl::string_view::npos ? message : message.substr(colon + 2);
}

bool IsHere(absl::string_view server) {
  return absl::StartsWith(server, "127.") || absl::StartsWith(server, "localhost:") ||
         absl::StartsWith(server, "[::1]:");
}

std::string CodeName(const grpc::Status& status) {
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code()));
}

// Whether the server sent a detail of that type, put into `found`.
bool FindDetail(const grpc::Status& status, absl::string_view type,
                google::protobuf::Message& found) {
  v1::StatusDetails details;
  if (!details.ParseFromString(status.error_details())) {
    return false;
  }
  for (const google::protobuf::Any& detail : details.details()) {
    if (absl::EndsWith(detail.type_url(), type) && found.ParseFromString(detail.value())) {
      return true;
    }
  }
  return false;
}

// Empty for a status that no timerd server made.
v1::ErrorInfo InfoOf(const grpc::Status& status) {
  v1::ErrorInfo info;
  return FindDetail(status, "/google.rpc.ErrorInfo", info) ? info : v1::ErrorInfo();
}

}  // namespace

std::string ReasonOf(const grpc::Status& status) { return InfoOf(status).reason(); }

std::string LimitOf(const grpc::Status& status) {
  const v1::ErrorInfo info = InfoOf(status);
  const auto found = info.metadata().find("limit");
  return found == info.metadata().end() ? std::string() : found->second;
}

grpc::Status ToStatus(const v1::StatusDetails& details) {
  return grpc::Status(static_cast<grpc::StatusCode>(details.code()), details.message(),
                      details.SerializeAsString());
}

std::string Described(const grpc::Status& status) {
  const std::string reason = ReasonOf(status);
  v1::RetryInfo retry;
  const std::string way_out =
      FindDetail(status, "/google.rpc.RetryInfo", retry)
          ? absl::StrCat(" (try again in ",
                         RoughSpan(absl::Seconds(retry.retry_delay().seconds()) +
                                   absl::Nanoseconds(retry.retry_delay().nanos())),
                         ")")
          : std::string();
  return absl::StrCat(CodeName(status), reason.empty() ? "" : absl::StrCat(" (", reason, ")"), ": ",
                      status.error_message(), way_out);
}

std::string Explain(const grpc::Status& status, const Attempt& attempt) {
  if (!ReasonOf(status).empty()) {
    return Described(status);
  }
  const std::string code = CodeName(status);
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    if (attempt.answered) {
      return absl::StrCat(code, ": lost the connection to ", attempt.server, " (",
                          LastPart(status.error_message()), ")");
    }
    return absl::StrCat(
        code, ": no server answers at ", attempt.server, " (", LastPart(status.error_message()),
        ")\n",
        IsHere(attempt.server)
            ? absl::StrCat("  Start one with `timerd --listen=", attempt.server, "`, or point")
            : std::string("  Start timerd on that host, or point"),
        " elsewhere with --server=HOST:PORT or TIMERD_SERVER.");
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::StrCat(code, ": ", attempt.server, " gave no answer within ",
                        RoughSpan(attempt.timeout),
                        "; it may have acted all the same. Give it longer with --timeout=1m");
  }
  return Described(status);
}

}  // namespace timerd::cli
