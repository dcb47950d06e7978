#include "server/push/grpc_sender.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace timerd::push {
namespace {

// Calls under way are watched by their deadlines; pings find the dead connection of a long one. No
// more often than every five minutes, which is what servers allow if they say nothing else.
constexpr int kKeepaliveMs = 5 * 60 * 1000 + 10'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
// Between two attempts at a connection; calls fail meanwhile.
constexpr int kReconnectMs = 200;
constexpr int kMaxReconnectMs = 5'000;
constexpr size_t kShownBytes = 200;  // of a status message

std::shared_ptr<v1::Receiver::Stub> NewStub(const Url& url, size_t max_answer_bytes,
                                            const std::string& version) {
  grpc::ChannelArguments arguments;
  arguments.SetUserAgentPrefix(absl::StrCat("timerd/", version));
  arguments.SetMaxReceiveMessageSize(static_cast<int>(max_answer_bytes + 1024));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMs);
  // To where the URL says and nowhere else, with nothing from the environment or from DNS records.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // The retry policy is the queue's.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return v1::Receiver::NewStub(grpc::CreateCustomChannel(
      absl::StrCat("dns:///", url.Authority()), grpc::InsecureChannelCredentials(), arguments));
}

// Lives until its callback has run.
struct GrpcCall final : public Call {
  void Abort() override { context.TryCancel(); }

  grpc::ClientContext context;
  v1::DeliverRequest request;
  v1::DeliverResponse response;
  Sender::Done done;
  std::shared_ptr<v1::Receiver::Stub> stub;
};

}  // namespace

GrpcCalls::~GrpcCalls() {
  std::unique_lock<std::mutex> lock(mutex_);
  const std::vector<std::shared_ptr<Call>> under_way(calls_.begin(), calls_.end());
  lock.unlock();
  for (const auto& call : under_way) {
    call->Abort();
  }
  lock.lock();
  none_left_.wait(lock, [this] { return calls_.empty(); });
}

void GrpcCalls::Add(std::shared_ptr<Call> call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  calls_.insert(std::move(call));
}

void GrpcCalls::Remove(const std::shared_ptr<Call>& call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  calls_.erase(call);
  // Under the lock: the one that waits for this may destroy us as soon as it is free.
  none_left_.notify_all();
}

timer::Verdict VerdictOf(const grpc::Status& status, v1::DeliverResponse response, const Url& url,
                         size_t max_answer_bytes) {
  if (!status.ok()) {
    return timer::Failure{
        .payload = absl::StrCat("gRPC status ", status.error_code(), " from ", url.ToText(), ": ",
                                status.error_message().substr(0, kShownBytes)),
        .final = status.error_code() == grpc::StatusCode::INVALID_ARGUMENT ||
                 status.error_code() == grpc::StatusCode::FAILED_PRECONDITION};
  }
  if (response.payload().size() > max_answer_bytes) {
    return timer::Failure{.payload =
                              absl::StrCat("OK from ", url.ToText(), ": the answer has more than ",
                                           max_answer_bytes, " bytes")};
  }
  return timer::Success{std::move(*response.mutable_payload())};
}

GrpcSender::GrpcSender(GrpcCalls& calls, Url url, Span timeout, size_t max_answer_bytes,
                       const std::string& version)
    : calls_(calls),
      url_(std::move(url)),
      timeout_(timeout),
      max_answer_bytes_(max_answer_bytes),
      stub_(NewStub(url_, max_answer_bytes, version)) {}

std::shared_ptr<Call> GrpcSender::Send(const v1::DeliverRequest& request, Done done) {
  auto call = std::make_shared<GrpcCall>();
  call->request = request;
  call->done = std::move(done);
  call->stub = stub_;
  call->context.set_deadline(
      std::chrono::system_clock::now() +
      std::chrono::duration_cast<std::chrono::system_clock::duration>(timeout_));
  calls_.Add(call);
  stub_->async()->Deliver(
      &call->context, &call->request, &call->response,
      [calls = &calls_, call, url = url_, most = max_answer_bytes_](const grpc::Status& status) {
        call->done(VerdictOf(status, std::move(call->response), url, most));
        // What it holds may hold us.
        call->done = nullptr;
        calls->Remove(call);
      });
  return call;
}

}  // namespace timerd::push
