#include "tests/support/api_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "timerd/v1/errors.pb.h"

namespace timerd::testing {
namespace {

// Whether one of the details is a google.rpc.`type`, put into `detail`.
bool Find(const v1::StatusDetails& details, const std::string& type,
          google::protobuf::Message* detail) {
  for (const google::protobuf::Any& each : details.details()) {
    if (each.type_url() == "type.googleapis.com/google.rpc." + type) {
      TIMERD_CHECK(detail->ParseFromString(each.value()));
      return true;
    }
  }
  return false;
}

v1::StatusDetails DetailsOf(const grpc::Status& status) {
  v1::StatusDetails details;
  const bool agrees = details.ParseFromString(status.error_details()) &&
                      details.code() == status.error_code() &&
                      details.message() == status.error_message();
  return agrees ? details : v1::StatusDetails();
}

v1::ErrorInfo InfoOf(const grpc::Status& status) {
  v1::ErrorInfo info;
  Find(DetailsOf(status), "ErrorInfo", &info);
  return info;
}

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  // Channels of equal arguments would share a connection otherwise.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

std::string ReasonOf(const grpc::Status& status) { return InfoOf(status).reason(); }

std::string DetailOf(const grpc::Status& status, const std::string& key) {
  const v1::ErrorInfo info = InfoOf(status);
  const auto found = info.metadata().find(key);
  return found == info.metadata().end() ? "" : found->second;
}

std::string ReasonOf(const v1::StatusDetails& details) {
  v1::ErrorInfo info;
  return Find(details, "ErrorInfo", &info) ? info.reason() : details.message();
}

std::optional<std::chrono::nanoseconds> RetryDelayOf(const v1::StatusDetails& details) {
  v1::RetryInfo info;
  if (!Find(details, "RetryInfo", &info)) {
    return std::nullopt;
  }
  return std::chrono::seconds(info.retry_delay().seconds()) +
         std::chrono::nanoseconds(info.retry_delay().nanos());
}

std::optional<std::chrono::nanoseconds> RetryDelayOf(const grpc::Status& status) {
  return RetryDelayOf(DetailsOf(status));
}

std::string ToString(const grpc::Status& status) {
  return absl::StrCat("code ", static_cast<int>(status.error_code()), " ", ReasonOf(status), ": ",
                      status.error_message());
}

ApiClient::ApiClient(const std::string& address, std::chrono::milliseconds patience)
    : patience_(patience),
      channel_(Connect(address)),
      stub_(v1::Timers::NewStub(channel_)),
      clock_stub_(v1::Clock::NewStub(channel_)),
      queues_stub_(v1::Queues::NewStub(channel_)) {
  // A first attempt to connect may fail although the server listens (seen with eight clients at
  // once: "connect: No such file or directory"); calls would fail with it, channels try again.
  channel_->WaitForConnected(std::chrono::system_clock::now() + patience);
}

grpc::Status ApiClient::Try(const std::string& method, const std::string& request) {
  if (method == "Schedule") return Schedule(request).Finish();
  if (method == "StartLoop") return StartLoop(request).Finish();
  if (method == "WithTimeout") return WithTimeout(request).Finish();
  if (method == "Watch") return Watch(request).Finish();
  if (method == "Cancel") return Cancel(request).status;
  if (method == "StopLoop") return StopLoop(request).status;
  if (method == "PauseLoop") return PauseLoop(request).status;
  if (method == "ResumeLoop") return ResumeLoop(request).status;
  if (method == "ResetLoop") return ResetLoop(request).status;
  if (method == "ChangeInterval") return ChangeInterval(request).status;
  if (method == "TriggerLoop") return TriggerLoop(request).status;
  if (method == "Report") return Report(request).status;
  if (method == "Reschedule") return Reschedule(request).status;
  if (method == "Batch") return Batch(request).status;
  if (method == "Get") return Get(request).status;
  if (method == "Now") return Now(request).status;
  if (method == "Advance") return Advance(request).status;
  if (method == "AdvanceToNext") return AdvanceToNext(request).status;
  TIMERD_CHECK(method == "List");
  return List(request).status;
}

}  // namespace timerd::testing
