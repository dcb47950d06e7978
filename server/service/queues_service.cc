#include "server/service/queues_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/service/gathered.h"
#include "server/service/page_size.h"
#include "server/service/queue_lookup.h"
#include "server/service/refusals.h"
#include "server/service/translation.h"

namespace timerd::service {
namespace {

void Describe(const delivery::WorkQueue& queue, const std::pair<bool, v1::QueueSettings>& kept,
              bool with_workers, v1::Queue* to) {
  to->set_name(std::string(IdOf(queue.name())));
  to->set_namespace_(std::string(NamespaceOf(queue.name())));
  to->set_paused(kept.first);
  *to->mutable_settings() = kept.second;
  const delivery::WorkQueue::Counts counts = queue.counts();
  const auto shown = [](int64_t count) {
    return static_cast<uint64_t>(std::max<int64_t>(0, count));
  };
  to->set_depth(shown(counts.waiting));
  to->set_in_flight(shown(counts.leased));
  to->set_scheduled(shown(counts.scheduled));
  to->set_dead_letters(shown(counts.dead_letters));
  const std::vector<delivery::WorkQueue::MemberInfo> members = queue.Members();
  to->set_worker_count(static_cast<uint32_t>(members.size()));
  if (with_workers) {
    for (const delivery::WorkQueue::MemberInfo& member : members) {
      v1::Queue::Worker* const worker = to->add_workers();
      worker->set_name(member.name);
      worker->set_peer(member.peer);
      worker->set_credit(member.credit);
      worker->set_in_flight(member.in_flight);
      Translate(member.since, worker->mutable_since());
    }
  }
}

}  // namespace

grpc::ServerBidiReactor<v1::WorkRequest, v1::WorkResponse>* QueuesService::Work(
    grpc::CallbackServerContext* context) {
  const auto stream = WorkStream::Make(options_.work, validator_, router_, queues_, streams_,
                                       calls_, context->peer());
  WorkStream* const raw = stream.get();
  raw->Begin();
  return raw;
}

void QueuesService::Describe(const std::string& name_space, std::vector<QueuePtr> queues,
                             bool with_workers, std::function<v1::Queue*()> add,
                             google::protobuf::Timestamp* now,
                             std::function<void(const absl::Status&)> done) {
  const absl::StatusOr<std::vector<ShardPort>> shards = router_.AllOf(name_space);
  if (!shards.ok()) {
    return done(shards.status());
  }
  // The time, and the oldest of each queue in each shard.
  auto gathered = Gathered::Make(1 + queues.size() * shards->size(), std::move(done));
  for (const QueuePtr& queue : queues) {
    v1::Queue* const to = add();
    service::Describe(*queue, settings_.Get(queue->name()), with_workers, to);
    for (const ShardPort& shard : *shards) {
      shard.port->Post(reactor::ReadOldest{
          queue->name(), [gathered, to](const absl::StatusOr<std::optional<Instant>>& oldest) {
            gathered->Take(oldest.status(), [&] {
              google::protobuf::Timestamp time;
              if (oldest->has_value()) {
                Translate(**oldest, &time);
                const auto earlier = [](const auto& a, const auto& b) {
                  return std::pair(a.seconds(), a.nanos()) < std::pair(b.seconds(), b.nanos());
                };
                if (!to->has_oldest() || earlier(time, to->oldest())) {
                  *to->mutable_oldest() = time;
                }
              }
            });
          }});
    }
  }
  shards->front().port->Post(
      reactor::ReadTime{[gathered, now](const absl::StatusOr<reactor::TimeRead>& time) {
        gathered->Take(time.status(), [&] { Translate(time->reading.now, now); });
      }});
}

grpc::ServerUnaryReactor* QueuesService::GetQueue(grpc::CallbackServerContext* context,
                                                  const v1::GetQueueRequest* request,
                                                  v1::GetQueueResponse* response) {
  return Answer(context, *request, [&](grpc::ServerUnaryReactor* call) -> absl::Status {
    TIMERD_ASSIGN_OR_RETURN(const QueuePtr queue, FindQueue(queues_, *request));
    Describe(
        std::string(NamespaceOf(queue->name())), {queue}, /*with_workers=*/true,
        [response] { return response->mutable_queue(); }, response->mutable_now(),
        [this, call](const absl::Status& status) { Finish<v1::GetQueueRequest>(call, status); });
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* QueuesService::ListQueues(grpc::CallbackServerContext* context,
                                                    const v1::ListQueuesRequest* request,
                                                    v1::ListQueuesResponse* response) {
  return Answer(context, *request, [&](grpc::ServerUnaryReactor* call) -> absl::Status {
    TIMERD_ASSIGN_OR_RETURN(const std::string name, Validator::ToNamespace(request->namespace_()));
    TIMERD_ASSIGN_OR_RETURN(const size_t size, ToPageSize("ListQueues", request->page_size()));
    std::string after;
    if (!request->page_token().empty() &&
        (!absl::WebSafeBase64Unescape(request->page_token(), &after) ||
         !Validator::CheckName("page_token", after).ok())) {
      return BadField("page_token", "ListQueues: page_token \"",
                      absl::CHexEscape(request->page_token().substr(0, 40)),
                      "\" is not one that ListQueues gave; pass next_page_token unchanged, or "
                      "leave it out to begin anew");
    }
    std::vector<QueuePtr> queues = queues_.List(name, after, size + 1);
    if (queues.size() > size) {
      queues.pop_back();
      response->set_next_page_token(absl::WebSafeBase64Escape(IdOf(queues.back()->name())));
    }
    Describe(
        name, std::move(queues), /*with_workers=*/false,
        [response] { return response->add_queues(); }, response->mutable_now(),
        [this, call](const absl::Status& status) { Finish<v1::ListQueuesRequest>(call, status); });
    return absl::OkStatus();
  });
}

// ---- What changes a queue ----------------------------------------------------------------------

grpc::ServerUnaryReactor* QueuesService::ConfigureQueue(grpc::CallbackServerContext* context,
                                                        const v1::ConfigureQueueRequest* request,
                                                        v1::ConfigureQueueResponse*) {
  return Answer(context, *request, [&](grpc::ServerUnaryReactor* call) -> absl::Status {
    TIMERD_ASSIGN_OR_RETURN(const std::string name, ToQueueKey(*request));
    TIMERD_ASSIGN_OR_RETURN(
        delivery::QueueSettings settings,
        validator_.ToSettings(Subject("queue", request->queue()), request->settings()));
    TIMERD_RETURN_IF_ERROR(targets_.Check(request->settings()));
    const QueuePtr queue = queues_.FindOrMake(name);
    if (queue == nullptr) {
      return queues_.RefuseNew(name);
    }
    settings.paused = settings_.Get(name).first;
    TIMERD_RETURN_IF_ERROR(settings_.Put(name, settings.paused, request->settings()));
    queue->Configure(settings);
    targets_.Apply(queue, request->settings());
    Finish<v1::ConfigureQueueRequest>(call, absl::OkStatus());
    return absl::OkStatus();
  });
}

absl::Status QueuesService::SetPaused(delivery::WorkQueue& queue, bool paused) {
  TIMERD_RETURN_IF_ERROR(settings_.Put(queue.name(), paused, settings_.Get(queue.name()).second));
  delivery::QueueSettings settings = queue.settings();
  settings.paused = paused;
  queue.Configure(settings);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* QueuesService::PauseQueue(grpc::CallbackServerContext* context,
                                                    const v1::PauseQueueRequest* request,
                                                    v1::PauseQueueResponse*) {
  return Answer(context, *request, [&](grpc::ServerUnaryReactor* call) -> absl::Status {
    TIMERD_ASSIGN_OR_RETURN(const QueuePtr queue, FindQueue(queues_, *request));
    TIMERD_RETURN_IF_ERROR(SetPaused(*queue, true));
    Finish<v1::PauseQueueRequest>(call, absl::OkStatus());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* QueuesService::ResumeQueue(grpc::CallbackServerContext* context,
                                                     const v1::ResumeQueueRequest* request,
                                                     v1::ResumeQueueResponse*) {
  return Answer(context, *request, [&](grpc::ServerUnaryReactor* call) -> absl::Status {
    TIMERD_ASSIGN_OR_RETURN(const QueuePtr queue, FindQueue(queues_, *request));
    TIMERD_RETURN_IF_ERROR(SetPaused(*queue, false));
    Finish<v1::ResumeQueueRequest>(call, absl::OkStatus());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* QueuesService::PurgeQueue(grpc::CallbackServerContext* context,
                                                    const v1::PurgeQueueRequest* request,
                                                    v1::PurgeQueueResponse* response) {
  return Answer(context, *request, [&](grpc::ServerUnaryReactor* call) -> absl::Status {
    TIMERD_ASSIGN_OR_RETURN(const QueuePtr queue, FindQueue(queues_, *request));
    TIMERD_ASSIGN_OR_RETURN(const std::vector<ShardPort> shards,
                            router_.AllOf(NamespaceOf(queue->name())));
    auto gathered = Gathered::Make(shards.size(), [this, call](const absl::Status& status) {
      Finish<v1::PurgeQueueRequest>(call, status);
    });
    for (const ShardPort& shard : shards) {
      shard.port->Post(reactor::PurgeQueue{
          queue->name(), [gathered, response](const absl::StatusOr<uint64_t>& purged) {
            gathered->Take(purged.status(),
                           [&] { response->set_purged(response->purged() + *purged); });
          }});
    }
    return absl::OkStatus();
  });
}

}  // namespace timerd::service
