#include "server/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/clock/clock.h"
#include "server/console/http_server.h"
#include "server/console/metrics.h"
#include "server/delivery/attachments.h"
#include "server/delivery/counted_events.h"
#include "server/limit_gauges.h"
#include "server/reactor/census.h"
#include "server/reactor/reactor.h"
#include "server/reactor/recovery.h"
#include "server/service/router.h"
#include "server/service/timers_service.h"
#include "server/store/data_directory.h"
#include "server/store/kv_shard_log.h"
#include "server/store/kv_state_store.h"
#include "server/store/memory_kv.h"

namespace timerd {
namespace {

// gRPC's own bound on a message, above --max-request-bytes so that the refusal can say more.
constexpr size_t kHardRequestFactor = 4;
constexpr int kKeepaliveMs = 10'000;

// Every handle belongs to this one.
constexpr char kNamespace[] = "default";
constexpr size_t kMaxNamespaces = 1;

// One shard with all that belongs to it. Members are destroyed from the last: the reactor first.
struct ShardUnit {
  std::unique_ptr<store::ShardLog> log;
  std::unique_ptr<store::StateStore> state;
  store::Position recovered;
  std::unique_ptr<delivery::Attachments> attachments;
  std::unique_ptr<reactor::EventSink> events;  // counts them, and hands them to the attachments
  std::unique_ptr<reactor::Census> census;
  std::unique_ptr<reactor::Reactor> reactor;
};

class RealServer final : public Server {
 public:
  absl::Status OpenStore(const Options& options);
  absl::Status Recover();
  void StartShards(const Options& options);
  absl::Status Listen(const Options& options);
  absl::Status ListenForHttp(const Options& options);

  const std::string& address() const override { return address_; }
  std::string http_address() const override { return http_ ? http_->address() : "off"; }
  void Drain() override;

 private:
  std::unique_ptr<store::DataDirectory> directory_;
  std::unique_ptr<store::OrderedKv> memory_;  // instead of the directory, for --durability=none
  std::optional<clock::RealClock> clock_;
  reactor::UsageRegistry usage_{kMaxNamespaces};
  std::vector<ShardUnit> shards_;
  std::unique_ptr<service::TimersService> service_;
  std::unique_ptr<grpc::Server> grpc_;
  std::string address_;
  std::unique_ptr<console::HttpServer> http_;
  Span drain_timeout_;
};

absl::Status RealServer::OpenStore(const Options& options) {
  const uint32_t cores = std::max(1u, std::thread::hardware_concurrency());
  uint32_t shards = options.shards == 0 ? cores : options.shards;
  store::OrderedKv* kv;
  store::Durability durability = store::Durability::kMemory;
  if (options.durability == DurabilityMode::kNone) {
    memory_ = std::make_unique<store::MemoryKv>();
    kv = memory_.get();
  } else {
    TIMERD_ASSIGN_OR_RETURN(directory_,
                            store::DataDirectory::Open(options.data_dir, options.shards, cores));
    kv = &directory_->kv();
    shards = directory_->shards();
    durability = options.durability == DurabilityMode::kSync ? store::Durability::kSync
                                                             : store::Durability::kOs;
  }
  for (uint32_t i = 0; i < shards; ++i) {
    ShardUnit& unit = shards_.emplace_back();
    TIMERD_ASSIGN_OR_RETURN(unit.log, store::KvShardLog::Open(*kv, i, durability));
    TIMERD_ASSIGN_OR_RETURN(unit.state, store::KvStateStore::Open(*kv, i));
    unit.attachments = std::make_unique<delivery::Attachments>();
  }
  return absl::OkStatus();
}

absl::Status RealServer::Recover() {
  std::optional<clock::Reading> last;
  for (ShardUnit& unit : shards_) {
    TIMERD_ASSIGN_OR_RETURN(unit.recovered, reactor::Recover(*unit.log, *unit.state));
    const clock::Reading reading{InstantFromNanos(unit.recovered.time_ns()),
                                 unit.recovered.wall_ns()};
    if (unit.recovered.sequence() > 0 && (!last || reading.now > last->now)) {
      last = reading;
    }
  }
  clock_.emplace(clock::ResumeTimeline(last ? &*last : nullptr, clock::RealClock::UnixNow()));
  return absl::OkStatus();
}

void RealServer::StartShards(const Options& options) {
  drain_timeout_ = options.drain_timeout;
  reactor::ReactorOptions each = options.reactor;
  each.shard.max_residents = std::max<size_t>(1, each.shard.max_residents / shards_.size());
  reactor::NamespaceUsage& usage = *usage_.Get(kNamespace);
  std::vector<service::ShardPort> ports;
  for (uint32_t i = 0; i < shards_.size(); ++i) {
    ShardUnit& unit = shards_[i];
    each.shard.index = i;
    unit.events = std::make_unique<delivery::CountedEvents>(usage, *unit.attachments);
    unit.census = std::make_unique<reactor::Census>(*unit.state, usage);
    unit.reactor = std::make_unique<reactor::Reactor>(each, unit.recovered, *clock_, *unit.log,
                                                      *unit.state, *unit.events);
    ports.push_back({unit.reactor.get(), unit.attachments.get()});
  }
  service_ = std::make_unique<service::TimersService>(options.service, *clock_,
                                                      service::Router(std::move(ports)), usage);
}

absl::Status RealServer::Listen(const Options& options) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(service_.get());
  builder.SetMaxReceiveMessageSize(
      static_cast<int>(options.service.limits.max_request_bytes * kHardRequestFactor));
  // Another server on the same port is an error, not a partner.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Clients may ask whether the connection lives as often as the server does itself.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kKeepaliveMs / 2);
  // What gRPC would print of a failure is said below, in one line.
  gpr_set_log_function([](gpr_log_func_args*) {});
  grpc_ = builder.BuildAndStart();
  gpr_set_log_function(nullptr);
  if (grpc_ == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options.listen,
                     ": the address is in use, unknown or not allowed; stop the other server, or "
                     "choose another address with --listen (port 0 takes a free one)"));
  }
  const size_t colon = options.listen.rfind(':');
  address_ = absl::StrCat(options.listen.substr(0, colon), ":", port);
  return absl::OkStatus();
}

absl::Status RealServer::ListenForHttp(const Options& options) {
  if (options.http.empty()) {
    return absl::OkStatus();
  }
  console::Sources sources{.version = TIMERD_VERSION,
                           .limits = LimitGauges(options),
                           .usage = &usage_,
                           .calls = &service_->calls(),
                           .streams = [this] { return service_->streams(); },
                           .shards =
                               [this] {
                                 std::vector<reactor::Load> loads;
                                 for (const ShardUnit& unit : shards_) {
                                   loads.push_back(unit.reactor->load());
                                 }
                                 return loads;
                               }};
  std::map<std::string, console::MakePage> pages;
  pages["/metrics"] = [sources = std::move(sources)] {
    return console::Page{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                         .body = console::MetricsText(sources)};
  };
  pages["/healthz"] = [this] {
    return service_->is_draining() ? console::Page{.status = 503, .body = "draining\n"}
                                   : console::Page{.body = "serving\n"};
  };
  TIMERD_ASSIGN_OR_RETURN(http_, console::HttpServer::Start(options.http, std::move(pages)));
  return absl::OkStatus();
}

void RealServer::Drain() {
  if (grpc_ != nullptr) {
    grpc_->GetHealthCheckService()->SetServingStatus(false);
    service_->Drain();
    grpc_->Shutdown(std::chrono::system_clock::now() + drain_timeout_);
    grpc_->Wait();
  }
  http_.reset();  // until here it says that the server drains
  // Each reactor gives what replies are left and writes everything down.
  for (ShardUnit& unit : shards_) {
    unit.reactor.reset();
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options) {
  auto server = std::make_unique<RealServer>();
  TIMERD_RETURN_IF_ERROR(server->OpenStore(options));
  TIMERD_RETURN_IF_ERROR(server->Recover());
  server->StartShards(options);
  absl::Status listening = server->Listen(options);
  if (listening.ok()) {
    listening = server->ListenForHttp(options);
  }
  if (!listening.ok()) {
    server->Drain();
    return listening;
  }
  return server;
}

}  // namespace timerd
