#include <algorithm>
#include <map>
#include <mutex>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/src/connection.h"
#include "client/src/proto_time.h"
#include "client/src/status.h"
#include "client/testing/settle.h"
#include "grpcpp/create_channel.h"
#include "timerd/testing.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd {
inline namespace client {
namespace {

constexpr char kStop[] = "timerd-testing-stop";
constexpr absl::Duration kTick = absl::Milliseconds(1);

// Debian's gRPC 1.51 takes down the queue behind its callback API with the last channel that has
// used it, and has been seen to free it twice. Tests open and close clients again and again: so the
// channels of the namespaces, which use that API too, are kept for the life of the process.
std::shared_ptr<grpc::Channel> KeptChannel(const std::string& address,
                                           const std::shared_ptr<grpc::ChannelCredentials>& given) {
  static std::mutex mutex;
  static auto& kept = *new std::map<std::string, std::shared_ptr<grpc::Channel>>();
  std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<grpc::Channel>& channel = kept[address];
  if (channel == nullptr) {
    channel =
        grpc::CreateChannel(address, given != nullptr ? given : grpc::InsecureChannelCredentials());
  }
  return channel;
}

std::string NewName() {
  std::random_device random;
  return absl::StrFormat("test-%08x%08x", random(), random());
}

}  // namespace

// The calls that no client makes.
struct TestNamespace::Rpc {
  explicit Rpc(const std::shared_ptr<grpc::Channel>& channel)
      : clock(v1::Clock::NewStub(channel)), timers(v1::Timers::NewStub(channel)) {}

  template <typename Request, typename Response>
  absl::Status Ask(void (v1::Clock::StubInterface::async_interface::*method)(
                       grpc::ClientContext*, const Request*, Response*,
                       std::function<void(grpc::Status)>),
                   const Request& request, Response& response, absl::Time until) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(until));
    Promise<absl::Status> answer([](std::function<void()> callback) { callback(); });
    (clock->async()->*method)(&context, &request, &response, [answer](const grpc::Status& status) {
      answer.Set(FromGrpc(status));
    });
    return answer.future().Get();
  }

  absl::StatusOr<v1::NowResponse> Now(const std::string& name, absl::Time until) {
    v1::NowRequest request;
    request.set_namespace_(name);
    v1::NowResponse response;
    const absl::Status status =
        Ask(&v1::Clock::StubInterface::async_interface::Now, request, response, until);
    if (!status.ok()) {
      return status;
    }
    return response;
  }

  // Adds to `advanced`.
  template <typename Request, typename Response>
  absl::Status Advance(void (v1::Clock::StubInterface::async_interface::*method)(
                           grpc::ClientContext*, const Request*, Response*,
                           std::function<void(grpc::Status)>),
                       const Request& request, absl::Time until, Advanced& advanced) {
    Response response;
    absl::Status status = Ask(method, request, response, until);
    if (status.ok()) {
      advanced.now = FromProto(response.now());
      advanced.fired += response.fired();
    }
    return status;
  }
  absl::Status Advance(const std::string& name, absl::Duration by, absl::Time until,
                       Advanced& advanced) {
    v1::AdvanceRequest request;
    request.set_namespace_(name);
    *request.mutable_by() = ToProto(by);
    return Advance(request, until, advanced);
  }
  absl::Status Advance(const v1::AdvanceRequest& request, absl::Time until, Advanced& advanced) {
    return Advance<v1::AdvanceRequest, v1::AdvanceResponse>(
        &v1::Clock::StubInterface::async_interface::Advance, request, until, advanced);
  }
  absl::Status AdvanceToNext(const std::string& name, absl::Time until, Advanced& advanced) {
    v1::AdvanceToNextRequest request;
    request.set_namespace_(name);
    return Advance<v1::AdvanceToNextRequest, v1::AdvanceToNextResponse>(
        &v1::Clock::StubInterface::async_interface::AdvanceToNext, request, until, advanced);
  }

  // A plain timer that nobody follows, where there was one before.
  absl::Status Schedule(const std::string& name, const std::string& id, absl::Duration delay,
                        absl::Time until) {
    v1::ScheduleRequest request;
    request.set_namespace_(name);
    request.set_id(id);
    *request.mutable_delay() = ToProto(delay);
    request.set_detached(true);
    request.set_replace(true);
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(until));
    const auto stream = timers->Schedule(&context, request);
    v1::ScheduleResponse ignored;
    while (stream->Read(&ignored)) {
    }
    return FromGrpc(stream->Finish());
  }

  const std::unique_ptr<v1::Clock::Stub> clock;
  const std::unique_ptr<v1::Timers::Stub> timers;
};

absl::StatusOr<std::unique_ptr<TestNamespace>> TestNamespace::Create(const std::string& address,
                                                                     TestNamespaceOptions options) {
  auto rpc = std::make_unique<Rpc>(KeptChannel(address, options.client.credentials));
  std::string name = NewName();
  const absl::StatusOr<v1::NowResponse> now = rpc->Now(name, absl::Now() + options.patience);
  if (!now.ok()) {
    return now.status();
  }
  if (!now->is_virtual()) {
    return Refusal("NOT_VIRTUAL", absl::StrCat("timerd at ", address,
                                               " runs on the machine's clock; start it with "
                                               "--clock=manual"));
  }
  options.client.target = address;
  return std::unique_ptr<TestNamespace>(
      new TestNamespace(std::move(name), std::move(options), std::move(rpc)));
}

TestNamespace::TestNamespace(std::string name, TestNamespaceOptions options,
                             std::unique_ptr<Rpc> rpc)
    : name_(std::move(name)),
      options_(std::move(options)),
      rpc_(std::move(rpc)),
      client_(NewClient(options_.client)) {}

TestNamespace::~TestNamespace() = default;

std::unique_ptr<Client> TestNamespace::NewClient(ClientOptions options) {
  options.target = options_.client.target;
  options.name_space = name_;
  auto made = std::make_unique<Client>(std::move(options));
  connections_.push_back(made->connection_);
  return made;
}

absl::StatusOr<absl::Time> TestNamespace::Now() const {
  const absl::StatusOr<v1::NowResponse> now = rpc_->Now(name_, Patience());
  if (!now.ok()) {
    return now.status();
  }
  return FromProto(now->now());
}

absl::Status TestNamespace::Settle() {
  std::vector<std::shared_ptr<Connection>> connections;
  for (const std::weak_ptr<Connection>& weak : connections_) {
    if (auto connection = weak.lock(); connection != nullptr && !connection->closing()) {
      connections.push_back(std::move(connection));
    }
  }
  const absl::Status settled = client::Settle(connections, Patience());
  return settled.ok()
             ? settled
             : absl::Status(settled.code(), absl::StrCat("namespace \"", name_,
                                                         "\": ", std::string(settled.message())));
}

absl::Time TestNamespace::Patience() const { return absl::Now() + options_.patience; }

absl::Status TestNamespace::CheckMoment(absl::Time until, const Advanced& advanced) const {
  if (absl::Now() < until) {
    return absl::OkStatus();
  }
  return absl::DeadlineExceededError(
      absl::StrCat("namespace \"", name_,
                   "\": deadlines of one moment fire without end, as those of a loop with "
                   "interval 0 do; ",
                   advanced.fired, " have fired, and the time stands at ",
                   absl::FormatTime(absl::RFC3339_full, advanced.now, absl::UTCTimeZone())));
}

absl::Status TestNamespace::StepTo(absl::Time stop, Advanced& advanced) {
  // Nothing goes past a timer that is armed there.
  absl::Status status = rpc_->Schedule(name_, kStop, stop - advanced.now, Patience());
  absl::Time moment = Patience();
  while (status.ok() && advanced.now < stop) {
    const absl::Time before = advanced.now;
    status = rpc_->AdvanceToNext(name_, Patience(), advanced);
    if (status.ok()) {
      status = Settle();
    }
    if (advanced.now > before) {
      moment = Patience();
    } else if (status.ok()) {
      status = CheckMoment(moment, advanced);
    }
  }
  --advanced.fired;
  return status;
}

absl::Status TestNamespace::FireWhatIsDue(Advanced& advanced) {
  const absl::Time moment = Patience();
  absl::Status status;
  uint64_t before = 0;
  do {
    before = advanced.fired;
    status = rpc_->Advance(name_, absl::ZeroDuration(), Patience(), advanced);
    if (status.ok()) {
      status = Settle();
    }
    if (status.ok()) {
      status = CheckMoment(moment, advanced);
    }
  } while (status.ok() && advanced.fired > before);
  return status;
}

absl::StatusOr<TestNamespace::Advanced> TestNamespace::Advance(absl::Duration by) {
  absl::Status status = Settle();
  if (!status.ok()) {
    return status;
  }
  const absl::StatusOr<absl::Time> from = Now();
  if (!from.ok()) {
    return from.status();
  }
  Advanced advanced{*from};
  const absl::Time target = *from + by;
  // Everything is due at a whole tick, so nothing is behind the last one before the target.
  const absl::Time last_tick = absl::UnixEpoch() + absl::Floor(target - absl::UnixEpoch(), kTick);
  if (last_tick > *from) {
    status = StepTo(last_tick, advanced);
  }
  if (status.ok() && by >= absl::ZeroDuration()) {
    status = FireWhatIsDue(advanced);
  }
  if (status.ok() && target != advanced.now) {
    status = rpc_->Advance(name_, target - advanced.now, Patience(), advanced);
  }
  if (!status.ok()) {
    return status;
  }
  return advanced;
}

absl::StatusOr<TestNamespace::Advanced> TestNamespace::Jump(absl::Duration by, uint64_t limit) {
  v1::AdvanceRequest request;
  request.set_namespace_(name_);
  *request.mutable_by() = ToProto(by);
  request.set_jump(true);
  request.set_limit(limit);
  Advanced advanced;
  absl::Status status = Settle();
  if (status.ok()) {
    status = rpc_->Advance(request, Patience(), advanced);
  }
  if (status.ok()) {
    status = Settle();
  }
  if (!status.ok()) {
    return status;
  }
  return advanced;
}

absl::StatusOr<TestNamespace::Advanced> TestNamespace::AdvanceToNext() {
  Advanced advanced;
  absl::Status status = Settle();
  if (status.ok()) {
    status = rpc_->AdvanceToNext(name_, Patience(), advanced);
  }
  if (status.ok()) {
    status = Settle();
  }
  if (!status.ok()) {
    return status;
  }
  return advanced;
}

}  // namespace client
}  // namespace timerd
