#include "server/service/status_mapping.h"

#include <string>

#include "server/base/status.h"
#include "timerd/v1/errors.pb.h"

namespace timerd::service {

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) {
    return grpc::Status::OK;
  }
  // The canonical codes have the same numbers in both.
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const std::string message(status.message());
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
