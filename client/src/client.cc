#include "timerd/client.h"

#include <algorithm>
#include <utility>

#include "client/src/call.h"
#include "client/src/connection.h"
#include "client/src/handle_core.h"
#include "client/src/proto_time.h"
#include "client/src/requests.h"

namespace timerd {
inline namespace client {
namespace {

std::shared_ptr<HandleCore> Follow(const std::shared_ptr<Connection>& connection, HandlePlan plan) {
  auto core = std::make_shared<HandleCore>(connection, std::move(plan));
  core->Start();
  return core;
}

LoopTick ToTick(const v1::Event& event) {
  LoopTick tick;
  tick.run = event.run();
  tick.count = event.count();
  tick.missed = event.missed();
  tick.time = FromProto(event.time());
  tick.deadline = event.has_deadline() ? FromProto(event.deadline()) : tick.time;
  tick.payload = event.payload();
  tick.triggered = event.triggered();
  tick.generation = event.generation();
  if (event.has_wall_deadline()) {
    tick.wall_deadline = FromProto(event.wall_deadline());
  }
  return tick;
}

// How many ticks of a plain loop may wait for its function: what the server too would make up for.
size_t PlainBacklog(const MissedTicks& missed) {
  if (missed.policy != MissedTicks::Policy::kRunAll) {
    return 1;
  }
  return missed.max_runs == 0 ? 100 : std::min<size_t>(missed.max_runs, 10'000);
}

}  // namespace

Client::Client(ClientOptions options)
    : connection_(std::make_shared<Connection>(std::move(options))) {}

Client::~Client() { connection_->Close(); }

DelayedCall Client::CallLater(absl::Duration delay, std::function<void()> function,
                              CallOptions options) {
  HandlePlan plan;
  plan.form = Form::kPlainTimer;
  v1::ScheduleRequest request = ToRequest(delay, /*reported=*/false, options);
  plan.id = connection_->Name(request, options.id);
  plan.creation = std::move(request);
  plan.function = [function = std::move(function)](const v1::Event&) {
    function();
    return RunResult{std::string()};
  };
  return DelayedCall(Follow(connection_, std::move(plan)));
}

DeferredCall Client::DeferLater(absl::Duration delay,
                                std::function<absl::StatusOr<std::string>()> function,
                                CallOptions options) {
  HandlePlan plan;
  plan.form = Form::kReportedTimer;
  v1::ScheduleRequest request = ToRequest(delay, /*reported=*/true, options);
  plan.id = connection_->Name(request, options.id);
  plan.creation = std::move(request);
  plan.function = [function = std::move(function)](const v1::Event&) {
    return RunResult{function()};
  };
  return DeferredCall(Follow(connection_, std::move(plan)));
}

LoopingCall Client::StartLoop(absl::Duration interval,
                              std::function<LoopResult(const LoopTick&)> function,
                              LoopOptions options) {
  return FollowLoop(ToRequest(interval, options), std::move(function), options);
}

LoopingCall Client::StartLoop(Cron cron, std::function<LoopResult(const LoopTick&)> function,
                              LoopOptions options) {
  return FollowLoop(ToRequest(cron, options), std::move(function), options);
}

LoopingCall Client::FollowLoop(v1::StartLoopRequest request,
                               std::function<LoopResult(const LoopTick&)> function,
                               const LoopOptions& options) {
  HandlePlan plan;
  plan.form = options.plain ? Form::kPlainLoop : Form::kLoop;
  plan.plain_backlog = PlainBacklog(options.missed_ticks);
  plan.id = connection_->Name(request, options.id);
  plan.creation = std::move(request);
  plan.function = [function = std::move(function)](const v1::Event& event) {
    const LoopResult result = function(ToTick(event));
    if (!result.status().ok()) {
      return RunResult{result.status()};
    }
    return RunResult{std::string(), result.stop()};
  };
  return LoopingCall(Follow(connection_, std::move(plan)));
}

Task Client::WithTimeout(absl::Duration timeout, TimeoutOptions options) {
  return WithTimeout(timeout, nullptr, std::move(options));
}

Task Client::WithTimeout(
    absl::Duration timeout,
    std::function<absl::StatusOr<std::string>(const CancellationToken&)> operation,
    TimeoutOptions options) {
  HandlePlan plan;
  plan.form = Form::kTask;
  v1::WithTimeoutRequest request = ToRequest(timeout, options);
  plan.id = connection_->Name(request, options.id);
  plan.creation = std::move(request);
  plan.on_timeout = std::move(options.on_timeout);
  // The core owns the function, so the function refers to the core weakly.
  auto self = std::make_shared<std::weak_ptr<HandleCore>>();
  if (operation != nullptr) {
    plan.function = [operation = std::move(operation), self](const v1::Event&) {
      const std::shared_ptr<HandleCore> core = self->lock();
      return RunResult{operation(CancellationToken(core->over()))};
    };
  }
  auto core = std::make_shared<HandleCore>(connection_, std::move(plan));
  *self = core;
  core->Start();
  return Task(std::move(core));
}

Handle Client::Watch(std::string id) {
  HandlePlan plan;
  plan.form = Form::kWatched;
  v1::WatchRequest request;
  request.set_id(id);
  plan.creation = std::move(request);
  plan.id = std::move(id);
  return Handle(Follow(connection_, std::move(plan)));
}

Future<absl::StatusOr<v1::Handle>> Client::Get(std::string id) {
  auto found = connection_->NewPromise<absl::StatusOr<v1::Handle>>();
  v1::GetRequest request;
  request.set_id(std::move(id));
  Ask<v1::GetRequest, v1::GetResponse>(connection_, &Connection::Api::Get, std::move(request),
                                       [found](const Answer<v1::GetResponse>& answer) {
                                         if (answer.status.ok()) {
                                           found.Set(answer.response.handle());
                                         } else {
                                           found.Set(answer.status);
                                         }
                                       });
  return found.future();
}

}  // namespace client
}  // namespace timerd
