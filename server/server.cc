#include "server/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/handle_key.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/clock/clock.h"
#include "server/clock/repeater.h"
#include "server/console/http_server.h"
#include "server/console/metrics.h"
#include "server/delivery/attachments.h"
#include "server/delivery/queue_directory.h"
#include "server/limit_gauges.h"
#include "server/limit_watch.h"
#include "server/manual_namespaces.h"
#include "server/memory_plan.h"
#include "server/push/signature.h"
#include "server/push_queues.h"
#include "server/queue_settings.h"
#include "server/reactor/reactor.h"
#include "server/reactor/recovery.h"
#include "server/service/clock_service.h"
#include "server/service/queue_lookup.h"
#include "server/service/queues_service.h"
#include "server/service/router.h"
#include "server/service/timers_service.h"
#include "server/store/data_directory.h"
#include "server/store/identity.h"
#include "server/store/kv_shard_log.h"
#include "server/store/kv_state_store.h"
#include "server/store/memory_kv.h"

namespace timerd {
namespace {

// gRPC's own bound on a message, above --max-request-bytes so that the refusal can say more.
constexpr size_t kHardRequestFactor = 4;
// A connection that was cut is noticed within 8 s, by a ping and the wait for its answer.
constexpr int kKeepaliveMs = 5'000;
constexpr int kKeepaliveTimeoutMs = 3'000;
// Who looks something up waits while a store in memory takes what is gathered.
constexpr size_t kGatheredInMemory = size_t{256} << 10;

// One shard with all that belongs to it. Members are destroyed from the last: the reactor first.
struct ShardUnit {
  std::unique_ptr<store::ShardLog> log;
  std::unique_ptr<store::StateStore> state;
  reactor::Recovered recovered;
  std::unique_ptr<delivery::Attachments> attachments;
  std::unique_ptr<reactor::Reactor> reactor;
};

absl::StatusOr<push::TargetsOptions> ReadTargets(const Options& options) {
  push::TargetsOptions targets;
  if (!options.push_allow.empty()) {
    TIMERD_ASSIGN_OR_RETURN(targets.allow, push::AllowList::Parse({options.push_allow}));
  }
  if (!options.push_secret_file.empty()) {
    TIMERD_ASSIGN_OR_RETURN(targets.secret, push::ReadSecret(options.push_secret_file));
  }
  return targets;
}

std::vector<console::QueueReading> ReadQueues(const delivery::QueueDirectory& queues) {
  std::vector<console::QueueReading> readings;
  for (const auto& queue : queues.All()) {
    const delivery::WorkQueue::Counts counts = queue->counts();
    readings.push_back({.name_space = std::string(NamespaceOf(queue->name())),
                        .name = std::string(IdOf(queue->name())),
                        .scheduled = counts.scheduled,
                        .waiting = counts.waiting,
                        .leased = counts.leased,
                        .dead_letters = counts.dead_letters,
                        .workers = static_cast<int64_t>(queue->Members().size())});
  }
  return readings;
}

std::vector<reactor::Load> ReadLoads(const std::vector<ShardUnit>& shards) {
  std::vector<reactor::Load> loads;
  loads.reserve(shards.size());
  for (const ShardUnit& shard : shards) {
    loads.push_back(shard.reactor->load());
  }
  return loads;
}

class RealServer final : public Server {
 public:
  absl::Status OpenStore(const Options& options);
  // Looks at what is near its limit from now on.
  void WatchLimits(const Options& options);
  // Recovers the shards and makes the router to them, under the one clock or the other.
  absl::Status StartShards(const Options& options);
  absl::StatusOr<std::unique_ptr<store::ShardLog>> OpenLog(uint32_t shard);
  absl::Status StartNamespaces(const Options& options);
  absl::Status MakeServices(const Options& options);
  // Before the shards, which look their queues up.
  absl::Status OpenQueues(const Options& options);
  absl::Status Listen(const Options& options);
  absl::Status ListenForHttp(const Options& options);

  const std::string& address() const override { return address_; }
  std::string http_address() const override { return http_ ? http_->address() : "off"; }
  void Drain() override;

 private:
  std::unique_ptr<store::DataDirectory> directory_;
  std::unique_ptr<store::OrderedKv> memory_;  // instead of the directory, for --durability=none
  store::OrderedKv* kv_ = nullptr;            // the one of the two that there is
  store::Durability durability_ = store::Durability::kMemory;
  uint32_t shard_count_ = 0;
  std::unique_ptr<QueueSettingsFile> queue_settings_;
  std::unique_ptr<delivery::QueueDirectory> queues_;
  std::optional<clock::RealClock> clock_;
  MemoryPlan memory_plan_;
  std::optional<reactor::DiskRoom> disk_;  // with the directory
  std::optional<DiskWatch> disk_watch_;
  std::optional<LoadingWatch> loading_watch_;
  std::optional<reactor::UsageRegistry> usage_;
  std::vector<ShardUnit> shards_;
  ManualNamespaces* namespaces_ = nullptr;  // is router_, under the manual clock
  std::unique_ptr<service::Router> router_;
  service::CallCounts calls_;
  std::unique_ptr<service::TimersService> service_;
  std::unique_ptr<service::ClockService> clock_service_;
  std::unique_ptr<PushQueues> push_queues_;
  std::unique_ptr<service::QueuesService> queues_service_;
  std::unique_ptr<grpc::Server> grpc_;
  std::string address_;
  std::unique_ptr<console::HttpServer> http_;
  Span drain_timeout_;
  std::optional<clock::Repeater> limit_watch_;  // uses the above
};

absl::Status RealServer::OpenStore(const Options& options) {
  usage_.emplace(options.manual.max_namespaces);
  usage_->Get(kDefaultNamespace);  // shown before anybody uses it
  const uint32_t cores = std::max(1u, std::thread::hardware_concurrency());
  shard_count_ = options.shards == 0 ? cores : options.shards;
  // How many shards a directory has is known once it is open.
  const bool in_memory = options.durability == DurabilityMode::kNone;
  TIMERD_ASSIGN_OR_RETURN(
      memory_plan_, PlanMemory(options.memory_budget, in_memory ? shard_count_ : options.shards));
  if (in_memory) {
    memory_ = std::make_unique<store::MemoryKv>();
    kv_ = memory_.get();
    return absl::OkStatus();
  }
  TIMERD_ASSIGN_OR_RETURN(
      directory_,
      store::DataDirectory::Open(options.data_dir,
                                 {options.shards, cores, options.clock == ClockMode::kManual},
                                 {.write_buffer_bytes = memory_plan_.write_buffer_bytes,
                                  .block_cache_bytes = memory_plan_.block_cache_bytes}));
  kv_ = &directory_->kv();
  shard_count_ = directory_->shards();
  TIMERD_ASSIGN_OR_RETURN(memory_plan_, PlanMemory(options.memory_budget, shard_count_));
  if (!options.min_free_disk.IsOff()) {
    disk_.emplace(options.min_free_disk);
    disk_watch_.emplace(options.data_dir, *disk_);
    disk_watch_->Look();
  }
  durability_ = options.durability == DurabilityMode::kSync ? store::Durability::kSync
                                                            : store::Durability::kOs;
  return absl::OkStatus();
}

void RealServer::WatchLimits(const Options& options) {
  loading_watch_.emplace(options.reactor.shard.window);
  limit_watch_.emplace(kLimitWatchInterval, [this] {
    if (disk_watch_) {
      disk_watch_->Look();
    }
    loading_watch_->Look(ReadLoads(shards_));
  });
}

absl::Status RealServer::OpenQueues(const Options& options) {
  TIMERD_ASSIGN_OR_RETURN(queue_settings_, QueueSettingsFile::Open(*kv_, durability_));
  queues_ = std::make_unique<delivery::QueueDirectory>(
      options.queues, [this](const std::string& name, uint32_t) {
        // Any of its shards may have slept.
        const absl::StatusOr<std::vector<service::ShardPort>> shards =
            router_->AllOf(NamespaceOf(name));
        if (shards.ok()) {
          for (const service::ShardPort& shard : *shards) {
            shard.port->PostAlways(reactor::Dispatch{name});
          }
        }
      });
  return queue_settings_->Apply(service::Validator(options.service.limits), *queues_);
}

absl::StatusOr<std::unique_ptr<store::ShardLog>> RealServer::OpenLog(uint32_t shard) {
  if (directory_) {
    return directory_->OpenLog(shard, durability_);
  }
  return store::KvShardLog::Open(*kv_, shard, durability_);
}

absl::Status RealServer::StartShards(const Options& options) {
  std::optional<clock::Reading> last;
  for (uint32_t i = 0; i < shard_count_; ++i) {
    ShardUnit& unit = shards_.emplace_back();
    TIMERD_ASSIGN_OR_RETURN(unit.log, OpenLog(i));
    TIMERD_ASSIGN_OR_RETURN(unit.state, store::KvStateStore::Open(*kv_, i));
    unit.attachments = std::make_unique<delivery::Attachments>();
    TIMERD_ASSIGN_OR_RETURN(unit.recovered, reactor::Recover(*unit.log, *unit.state));
    const clock::Reading reading = unit.recovered.reading();
    if (unit.recovered.position.sequence() > 0 && (!last || reading.now > last->now)) {
      last = reading;
    }
  }
  clock_.emplace(clock::ResumeTimeline(last ? &*last : nullptr, clock::RealClock::UnixNow()));
  reactor::ReactorOptions each = options.reactor;
  each.shard.max_resident_bytes = memory_plan_.resident_bytes / shards_.size();
  each.committer.max_gathered = directory_ ? memory_plan_.gathered_bytes : kGatheredInMemory;
  each.shard.usage = &*usage_;
  each.shard.disk = disk_ ? &*disk_ : nullptr;
  each.shard.queues = queues_.get();
  each.shard.lease_salt = absl::Uniform<uint64_t>(absl::BitGen());
  std::vector<service::ShardPort> ports;
  for (uint32_t i = 0; i < shards_.size(); ++i) {
    ShardUnit& unit = shards_[i];
    each.shard.index = i;
    unit.reactor = std::make_unique<reactor::Reactor>(each, unit.recovered, *clock_, *unit.log,
                                                      *unit.state, *unit.attachments);
    ports.push_back({unit.reactor.get(), unit.attachments.get()});
  }
  router_ = std::make_unique<service::HashRouter>(std::move(ports));
  return absl::OkStatus();
}

absl::Status RealServer::StartNamespaces(const Options& options) {
  ManualNamespacesOptions manual = options.manual;
  manual.shard = options.reactor.shard;
  manual.shard.max_resident_bytes = memory_plan_.resident_bytes;
  manual.shard.usage = &*usage_;
  manual.shard.disk = disk_ ? &*disk_ : nullptr;
  manual.shard.queues = queues_.get();
  manual.reactor.max_inbox = options.reactor.max_inbox;
  TIMERD_ASSIGN_OR_RETURN(auto namespaces, ManualNamespaces::Open(manual, *kv_, durability_));
  namespaces_ = namespaces.get();
  router_ = std::move(namespaces);
  return absl::OkStatus();
}

absl::Status RealServer::MakeServices(const Options& options) {
  drain_timeout_ = options.drain_timeout;
  service::ServiceOptions service = options.service;
  service.feeds.check_queue = [this](absl::string_view queue) {
    return queues_->Find(queue) == nullptr ? service::UnknownQueue(queue) : absl::OkStatus();
  };
  service.feeds.on = !options.reactor.shard.feed.IsOff();
  TIMERD_ASSIGN_OR_RETURN(service.feeds.directory, store::Identity(*kv_));
  std::random_device random;
  service.feeds.process = (uint64_t{random()} << 32) | random();
  service_ = std::make_unique<service::TimersService>(service, *router_, calls_);
  clock_service_ =
      std::make_unique<service::ClockService>(options.service.limits, *router_, calls_);
  service::QueuesOptions queues = options.queues_service;
  queues.limits = options.service.limits;
  queues.work.max_settlements = options.service.batches.max_items;
  TIMERD_ASSIGN_OR_RETURN(push::TargetsOptions targets, ReadTargets(options));
  push_queues_ = std::make_unique<PushQueues>(std::move(targets), *router_);
  queue_settings_->ApplyTargets(*queues_, *push_queues_);
  queues_service_ = std::make_unique<service::QueuesService>(
      queues, *router_, *queues_, *queue_settings_, *push_queues_, service_->registry(), calls_);
  return absl::OkStatus();
}

absl::Status RealServer::Listen(const Options& options) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(service_.get());
  builder.RegisterService(clock_service_.get());
  builder.RegisterService(queues_service_.get());
  builder.SetMaxReceiveMessageSize(
      static_cast<int>(options.service.limits.max_request_bytes * kHardRequestFactor));
  // Another server on the same port is an error, not a partner.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Clients may ask whether the connection lives as often as the server does itself.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
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
                           .limits = LimitGauges(options, memory_plan_),
                           .usage = &*usage_,
                           .calls = &calls_,
                           .streams = [this] { return service_->streams(); },
                           .feed_streams = [this] { return service_->feed_streams(); },
                           .shards = [this] { return ReadLoads(shards_); },
                           .queues = [this] { return ReadQueues(*queues_); },
                           .disk = disk_ ? &*disk_ : nullptr};
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
  limit_watch_.reset();
  if (grpc_ != nullptr) {
    grpc_->GetHealthCheckService()->SetServingStatus(false);
    clock_service_->Drain();
    queues_service_->Drain();
    service_->Drain();
    grpc_->Shutdown(std::chrono::system_clock::now() + drain_timeout_);
    grpc_->Wait();
  }
  if (push_queues_ != nullptr) {
    push_queues_->Stop();
    push_queues_.reset();
  }
  http_.reset();  // until here it says that the server drains
  // Each reactor gives what replies are left and writes everything down.
  for (ShardUnit& unit : shards_) {
    unit.reactor.reset();
  }
  if (namespaces_ != nullptr) {
    namespaces_->Stop();
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options) {
  auto server = std::make_unique<RealServer>();
  TIMERD_RETURN_IF_ERROR(server->OpenStore(options));
  TIMERD_RETURN_IF_ERROR(server->OpenQueues(options));
  TIMERD_RETURN_IF_ERROR(options.clock == ClockMode::kManual ? server->StartNamespaces(options)
                                                             : server->StartShards(options));
  TIMERD_RETURN_IF_ERROR(server->MakeServices(options));
  absl::Status listening = server->Listen(options);
  if (listening.ok()) {
    listening = server->ListenForHttp(options);
  }
  if (!listening.ok()) {
    server->Drain();
    return listening;
  }
  server->WatchLimits(options);
  return server;
}

}  // namespace timerd
