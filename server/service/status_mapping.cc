#include "server/service/status_mapping.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
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

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) {
    return grpc::Status::OK;
  }
  // The canonical codes have the same numbers in both.
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const std::string message = Clip(status.message());
  const std::string reason = ReasonOf(status);
  if (reason.empty()) {
    return {code, message};
  }
  v1::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("timerd");
  const absl::string_view key = DetailKey(reason);
  const std::string detail = DetailOf(status);
  if (!key.empty() && !detail.empty()) {
    (*info.mutable_metadata())[std::string(key)] = detail;
  }
  v1::StatusDetails details;
  details.set_code(static_cast<int>(code));
  details.set_message(message);
  google::protobuf::Any* any = details.add_details();
  any->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  any->set_value(info.SerializeAsString());
  return {code, message, details.SerializeAsString()};
}

}  // namespace timerd::service
