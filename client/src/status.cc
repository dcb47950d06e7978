#include "client/src/status.h"

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "client/src/proto_time.h"
#include "timerd/reason.h"

namespace timerd {
inline namespace client {
namespace {

// The standard type URLs; they are also the keys of the payloads in absl::Status.
constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kRetryInfoUrl[] = "type.googleapis.com/google.rpc.RetryInfo";

v1::ErrorInfo InfoOf(const absl::Status& status) {
  v1::ErrorInfo info;
  if (const auto payload = status.GetPayload(kErrorInfoUrl); payload.has_value()) {
    info.ParseFromString(std::string(*payload));
  }
  return info;
}

void SetDetails(const v1::StatusDetails& details, absl::Status& status) {
  for (const auto& detail : details.details()) {
    if (detail.type_url() == kErrorInfoUrl || detail.type_url() == kRetryInfoUrl) {
      status.SetPayload(detail.type_url(), absl::Cord(detail.value()));
    }
  }
}

// `text` behind `end` if it begins with `begin`.
std::string Without(absl::string_view text, absl::string_view begin, absl::string_view end) {
  const size_t behind = text.find(end);
  return std::string(absl::StartsWith(text, begin) && behind != absl::string_view::npos
                         ? text.substr(behind + end.size())
                         : text);
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  v1::StatusDetails details;
  if (!status.ok() && details.ParseFromString(status.error_details())) {
    SetDetails(details, result);
  }
  return result;
}

absl::Status FromDetails(const v1::StatusDetails& details) {
  absl::Status result(static_cast<absl::StatusCode>(details.code()), details.message());
  SetDetails(details, result);
  return result;
}

absl::Status OfItem(const absl::Status& status) {
  absl::Status result(status.code(), Without(status.message(), "items[", "]: "));
  if (const auto retry = status.GetPayload(kRetryInfoUrl); retry.has_value()) {
    result.SetPayload(kRetryInfoUrl, *retry);
  }
  v1::ErrorInfo info = InfoOf(status);
  if (const auto field = info.mutable_metadata()->find("field");
      field != info.mutable_metadata()->end()) {
    field->second = Without(field->second, "items[", "].");
  }
  result.SetPayload(kErrorInfoUrl, absl::Cord(info.SerializeAsString()));
  return result;
}

absl::Status WithReason(absl::Status status, const std::string& reason, const std::string& end) {
  v1::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("timerd");
  if (!end.empty()) {
    (*info.mutable_metadata())["end"] = end;
  }
  status.SetPayload(kErrorInfoUrl, absl::Cord(info.SerializeAsString()));
  return status;
}

absl::Status Refusal(const std::string& reason, const std::string& message,
                     const std::string& end) {
  return WithReason(absl::FailedPreconditionError(message), reason, end);
}

bool IsTransient(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kAborted:
    // The server never uses these two for a timer that timed out or was cancelled: they come from
    // the transport, or from a proxy.
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
      return true;
    default:
      return false;
  }
}

bool IsHopeless(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
      return false;
    case absl::StatusCode::kResourceExhausted:
      // Without a reason it is gRPC itself that finds the message too large.
      return ReasonOf(status).empty() || absl::StrContains(DetailOf(status, "limit"), "payload");
    default:
      return !IsTransient(status.code());
  }
}

absl::Status ClosedStatus() {
  return absl::UnavailableError("the client was closed; the handle lives on at the server");
}

std::string ReasonOf(const absl::Status& status) { return InfoOf(status).reason(); }

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryInfoUrl);
  v1::RetryInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) {
    return std::nullopt;
  }
  return FromProto(info.retry_delay());
}

std::string DetailOf(const absl::Status& status, const std::string& key) {
  const v1::ErrorInfo info = InfoOf(status);
  const auto found = info.metadata().find(key);
  return found == info.metadata().end() ? "" : found->second;
}

}  // namespace client
}  // namespace timerd
