#include "server/push/grpc_sender.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
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

GrpcCalls::Stub NewStub(const Url& url, size_t max_answer_bytes, const std::string& version) {
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

class GrpcCall final : public Call {
 public:
  GrpcCall(v1::DeliverRequest request, Sender::Done done)
      : request_(std::move(request)), done_(std::move(done)) {}

  // `over` is called after the callback.
  void Start(
      v1::Receiver::Stub& stub, Span timeout,
      absl::AnyInvocable<timer::Verdict(const grpc::Status&, v1::DeliverResponse)> verdict_of,
      absl::AnyInvocable<void()> over) {
    verdict_of_ = std::move(verdict_of);
    over_ = std::move(over);
    context_->set_deadline(
        std::chrono::system_clock::now() +
        std::chrono::duration_cast<std::chrono::system_clock::duration>(timeout));
    stub.async()->Deliver(context_.get(), &request_, &response_,
                          [this](const grpc::Status& status) { End(status); });
  }
  void Abort() override {
    MutexLock lock(mutex_);
    if (context_ != nullptr) {
      context_->TryCancel();
    }
  }

 private:
  void End(const grpc::Status& status) {
    {
      // It holds the channel, which must not outlive what `over_` tells of the end.
      MutexLock lock(mutex_);
      context_.reset();
    }
    std::exchange(done_, nullptr)(verdict_of_(status, std::move(response_)));
    // May destroy us.
    auto over = std::move(over_);
    over();
  }

  const v1::DeliverRequest request_;
  v1::DeliverResponse response_;
  Sender::Done done_;
  absl::AnyInvocable<timer::Verdict(const grpc::Status&, v1::DeliverResponse)> verdict_of_;
  absl::AnyInvocable<void()> over_;
  Mutex mutex_;
  std::unique_ptr<grpc::ClientContext> context_ = std::make_unique<grpc::ClientContext>();
};

}  // namespace

GrpcCalls::~GrpcCalls() {
  std::unique_lock<std::mutex> lock(mutex_);
  std::vector<std::shared_ptr<Call>> under_way;
  for (const auto& [key, call] : calls_) {
    under_way.push_back(call);
  }
  lock.unlock();
  for (const auto& call : under_way) {
    call->Abort();
  }
  under_way.clear();
  lock.lock();
  none_left_.wait(lock, [this] { return calls_.empty(); });
}

void GrpcCalls::Add(std::shared_ptr<Call> call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Call* const key = call.get();
  calls_.emplace(key, std::move(call));
}

void GrpcCalls::Remove(const Call* call) {
  std::shared_ptr<Call> removed;  // goes after the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = calls_.find(call);
  removed = std::move(found->second);
  calls_.erase(found);
  // Under the lock: the one that waits for this may destroy us as soon as it is free.
  none_left_.notify_all();
}

void GrpcCalls::Keep(Stub stub) {
  const std::lock_guard<std::mutex> lock(mutex_);
  kept_.swap(stub);
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
  auto call = std::make_shared<GrpcCall>(request, std::move(done));
  calls_.Add(call);
  call->Start(
      *stub_, timeout_,
      [url = url_, most = max_answer_bytes_](const grpc::Status& status,
                                             v1::DeliverResponse response) {
        return VerdictOf(status, std::move(response), url, most);
      },
      [calls = &calls_, raw = call.get()] { calls->Remove(raw); });
  calls_.Keep(stub_);
  return call;
}

}  // namespace timerd::push
