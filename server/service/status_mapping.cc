#include "server/service/status_mapping.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/service/translation.h"
#include "timerd/v1/errors.pb.h"

namespace timerd::service {
namespace {

// A message travels twice, percent-encoded (up to three times as long) and in the status details,
// and clients take 8 KiB of trailers: past that they lose the status and with it the connection.
constexpr size_t kMaxMessageBytes = 1024;

// The beginning of `message`, cut between two characters of UTF-8.
std::string Clip(absl::string_view message) {
  if (message.size() <= kMaxMessageBytes) {
    return std::string(message);
  }
  size_t size = kMaxMessageBytes;
  while (size > 0 && (message[size] & 0xc0) == 0x80) {
    --size;
  }
  return absl::StrCat(message.substr(0, size), "...");
}

void AddDetail(absl::string_view type, const google::protobuf::Message& detail,
               v1::StatusDetails& details) {
  google::protobuf::Any* const any = details.add_details();
  any->set_type_url(absl::StrCat("type.googleapis.com/google.rpc.", type));
  any->set_value(detail.SerializeAsString());
}

}  // namespace

v1::StatusDetails ToDetails(const absl::Status& status) {
  v1::StatusDetails details;
  // The canonical codes have the same numbers everywhere.
  details.set_code(static_cast<int>(status.code()));
  details.set_message(Clip(status.message()));
  const std::string reason = ReasonOf(status);
  if (reason.empty()) {
    return details;
  }
  v1::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("timerd");
  const absl::string_view key = DetailKey(reason);
  const std::string detail = DetailOf(status);
  if (!key.empty() && !detail.empty()) {
    (*info.mutable_metadata())[std::string(key)] = detail;
  }
  AddDetail("ErrorInfo", info, details);
  if (const absl::optional<Span> delay = RetryDelayOf(status)) {
    v1::RetryInfo retry;
    Translate(*delay, retry.mutable_retry_delay());
    AddDetail("RetryInfo", retry, details);
  }
  return details;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) {
    return grpc::Status::OK;
  }
  const v1::StatusDetails details = ToDetails(status);
  return {static_cast<grpc::StatusCode>(status.code()), details.message(),
          details.details().empty() ? "" : details.SerializeAsString()};
}

}  // namespace timerd::service
