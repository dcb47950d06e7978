#include "tests/cli/fake_server.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "grpcpp/server_builder.h"
#include "timerd/v1/queues.grpc.pb.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd::cli {
namespace {

// Every RPC that timerctl has a verb for.
class FakeTimers final : public v1::Timers::Service {
 public:
  explicit FakeTimers(ScriptedAnswers& answers) : answers_(answers) {}

  grpc::Status Schedule(grpc::ServerContext* context, const v1::ScheduleRequest* request,
                        grpc::ServerWriter<v1::ScheduleResponse>* writer) override {
    return answers_.Stream(context, "Schedule", *request, writer);
  }

  grpc::Status StartLoop(grpc::ServerContext* context, const v1::StartLoopRequest* request,
                         grpc::ServerWriter<v1::StartLoopResponse>* writer) override {
    return answers_.Stream(context, "StartLoop", *request, writer);
  }

  grpc::Status WithTimeout(grpc::ServerContext* context, const v1::WithTimeoutRequest* request,
                           grpc::ServerWriter<v1::WithTimeoutResponse>* writer) override {
    return answers_.Stream(context, "WithTimeout", *request, writer);
  }

  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::WatchResponse>* writer) override {
    return answers_.Stream(context, "Watch", *request, writer);
  }

  grpc::Status Cancel(grpc::ServerContext* context, const v1::CancelRequest* request,
                      v1::CancelResponse* reply) override {
    return answers_.Reply(context, "Cancel", *request, reply);
  }

  grpc::Status StopLoop(grpc::ServerContext* context, const v1::StopLoopRequest* request,
                        v1::StopLoopResponse* reply) override {
    return answers_.Reply(context, "StopLoop", *request, reply);
  }

  grpc::Status Report(grpc::ServerContext* context, const v1::ReportRequest* request,
                      v1::ReportResponse* reply) override {
    return answers_.Reply(context, "Report", *request, reply);
  }

  grpc::Status Reschedule(grpc::ServerContext* context, const v1::RescheduleRequest* request,
                          v1::RescheduleResponse* reply) override {
    return answers_.Reply(context, "Reschedule", *request, reply);
  }

  grpc::Status PauseLoop(grpc::ServerContext* context, const v1::PauseLoopRequest* request,
                         v1::PauseLoopResponse* reply) override {
    return answers_.Reply(context, "PauseLoop", *request, reply);
  }

  grpc::Status ResumeLoop(grpc::ServerContext* context, const v1::ResumeLoopRequest* request,
                          v1::ResumeLoopResponse* reply) override {
    return answers_.Reply(context, "ResumeLoop", *request, reply);
  }

  grpc::Status ResetLoop(grpc::ServerContext* context, const v1::ResetLoopRequest* request,
                         v1::ResetLoopResponse* reply) override {
    return answers_.Reply(context, "ResetLoop", *request, reply);
  }

  grpc::Status ChangeInterval(grpc::ServerContext* context,
                              const v1::ChangeIntervalRequest* request,
                              v1::ChangeIntervalResponse* reply) override {
    return answers_.Reply(context, "ChangeInterval", *request, reply);
  }

  grpc::Status TriggerLoop(grpc::ServerContext* context, const v1::TriggerLoopRequest* request,
                           v1::TriggerLoopResponse* reply) override {
    return answers_.Reply(context, "TriggerLoop", *request, reply);
  }

  grpc::Status Batch(grpc::ServerContext* context, const v1::BatchRequest* request,
                     v1::BatchResponse* reply) override {
    return answers_.Reply(context, "Batch", *request, reply);
  }

  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request,
                   v1::GetResponse* reply) override {
    return answers_.Reply(context, "Get", *request, reply);
  }

  grpc::Status List(grpc::ServerContext* context, const v1::ListRequest* request,
                    v1::ListResponse* reply) override {
    return answers_.Reply(context, "List", *request, reply);
  }

 private:
  ScriptedAnswers& answers_;
};

class FakeClock final : public v1::Clock::Service {
 public:
  explicit FakeClock(ScriptedAnswers& answers) : answers_(answers) {}

  grpc::Status Now(grpc::ServerContext* context, const v1::NowRequest* request,
                   v1::NowResponse* reply) override {
    return answers_.Reply(context, "Now", *request, reply);
  }

  grpc::Status Advance(grpc::ServerContext* context, const v1::AdvanceRequest* request,
                       v1::AdvanceResponse* reply) override {
    return answers_.Reply(context, "Advance", *request, reply);
  }

  grpc::Status AdvanceToNext(grpc::ServerContext* context, const v1::AdvanceToNextRequest* request,
                             v1::AdvanceToNextResponse* reply) override {
    return answers_.Reply(context, "AdvanceToNext", *request, reply);
  }

 private:
  ScriptedAnswers& answers_;
};

class FakeQueues final : public v1::Queues::Service {
 public:
  explicit FakeQueues(ScriptedAnswers& answers) : answers_(answers) {}

  grpc::Status Work(grpc::ServerContext*,
                    grpc::ServerReaderWriter<v1::WorkResponse, v1::WorkRequest>* stream) override {
    return answers_.BothWays("Work", stream);
  }

  grpc::Status GetQueue(grpc::ServerContext* context, const v1::GetQueueRequest* request,
                        v1::GetQueueResponse* reply) override {
    return answers_.Reply(context, "GetQueue", *request, reply);
  }

  grpc::Status ListQueues(grpc::ServerContext* context, const v1::ListQueuesRequest* request,
                          v1::ListQueuesResponse* reply) override {
    return answers_.Reply(context, "ListQueues", *request, reply);
  }

  grpc::Status ConfigureQueue(grpc::ServerContext* context,
                              const v1::ConfigureQueueRequest* request,
                              v1::ConfigureQueueResponse* reply) override {
    return answers_.Reply(context, "ConfigureQueue", *request, reply);
  }

  grpc::Status PauseQueue(grpc::ServerContext* context, const v1::PauseQueueRequest* request,
                          v1::PauseQueueResponse* reply) override {
    return answers_.Reply(context, "PauseQueue", *request, reply);
  }

  grpc::Status ResumeQueue(grpc::ServerContext* context, const v1::ResumeQueueRequest* request,
                           v1::ResumeQueueResponse* reply) override {
    return answers_.Reply(context, "ResumeQueue", *request, reply);
  }

  grpc::Status PurgeQueue(grpc::ServerContext* context, const v1::PurgeQueueRequest* request,
                          v1::PurgeQueueResponse* reply) override {
    return answers_.Reply(context, "PurgeQueue", *request, reply);
  }

  grpc::Status ListDeadLetters(grpc::ServerContext* context,
                               const v1::ListDeadLettersRequest* request,
                               v1::ListDeadLettersResponse* reply) override {
    return answers_.Reply(context, "ListDeadLetters", *request, reply);
  }

  grpc::Status ReplayDeadLetters(grpc::ServerContext* context,
                                 const v1::ReplayDeadLettersRequest* request,
                                 v1::ReplayDeadLettersResponse* reply) override {
    return answers_.Reply(context, "ReplayDeadLetters", *request, reply);
  }

  grpc::Status PurgeDeadLetters(grpc::ServerContext* context,
                                const v1::PurgeDeadLettersRequest* request,
                                v1::PurgeDeadLettersResponse* reply) override {
    return answers_.Reply(context, "PurgeDeadLetters", *request, reply);
  }

 private:
  ScriptedAnswers& answers_;
};

}  // namespace

FakeServer::FakeServer()
    : timers_(std::make_unique<FakeTimers>(*this)),
      clock_(std::make_unique<FakeClock>(*this)),
      queues_(std::make_unique<FakeQueues>(*this)) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(timers_.get());
  builder.RegisterService(clock_.get());
  builder.RegisterService(queues_.get());
  server_ = builder.BuildAndStart();
  address_ = absl::StrCat("127.0.0.1:", port);
}

FakeServer::~FakeServer() { server_->Shutdown(std::chrono::system_clock::now()); }

}  // namespace timerd::cli
