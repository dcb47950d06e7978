// A Timers service on a free loopback port that remembers what it was asked and answers as
// scripted.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "google/protobuf/message.h"
#include "grpcpp/server.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd::cli {

// Thread-safe: scripts are set by the test before the call that they answer.
class FakeTimers final : public v1::Timers::Service {
 public:
  FakeTimers();
  ~FakeTimers() override;

  // HOST:PORT
  const std::string& address() const { return address_; }

  // What the next calls get. Streams send `messages`, given in text format as the response's
  // fields, then wait for the client to go when `stays_open`, and end with `status`.
  struct Answer {
    std::vector<std::string> messages;
    grpc::Status status = grpc::Status::OK;
    bool stays_open = false;
  };
  void AnswerWith(Answer answer);
  // Later calls get later answers; the last one stays.
  void ThenWith(Answer answer);

  // The requests so far in the order they came, as "Schedule { ... }" in short text format.
  std::vector<std::string> requests();

  grpc::Status Schedule(grpc::ServerContext* context, const v1::ScheduleRequest* request,
                        grpc::ServerWriter<v1::ScheduleResponse>* writer) override;
  grpc::Status StartLoop(grpc::ServerContext* context, const v1::StartLoopRequest* request,
                         grpc::ServerWriter<v1::StartLoopResponse>* writer) override;
  grpc::Status WithTimeout(grpc::ServerContext* context, const v1::WithTimeoutRequest* request,
                           grpc::ServerWriter<v1::WithTimeoutResponse>* writer) override;
  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::WatchResponse>* writer) override;
  grpc::Status Cancel(grpc::ServerContext* context, const v1::CancelRequest* request,
                      v1::CancelResponse* reply) override;
  grpc::Status StopLoop(grpc::ServerContext* context, const v1::StopLoopRequest* request,
                        v1::StopLoopResponse* reply) override;
  grpc::Status Report(grpc::ServerContext* context, const v1::ReportRequest* request,
                      v1::ReportResponse* reply) override;
  grpc::Status Reschedule(grpc::ServerContext* context, const v1::RescheduleRequest* request,
                          v1::RescheduleResponse* reply) override;
  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request,
                   v1::GetResponse* reply) override;
  grpc::Status List(grpc::ServerContext* context, const v1::ListRequest* request,
                    v1::ListResponse* reply) override;

 private:
  Answer Next(const std::string& rpc, const google::protobuf::Message& request);
  grpc::Status Reply(grpc::ServerContext* context, const std::string& rpc,
                     const google::protobuf::Message& request, google::protobuf::Message* reply);
  template <typename Response>
  grpc::Status Stream(grpc::ServerContext* context, const std::string& rpc,
                      const google::protobuf::Message& request,
                      grpc::ServerWriter<Response>* writer);

  std::mutex mutex_;
  std::vector<Answer> answers_;
  std::vector<std::string> requests_;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

// A status with a reason in its details, as timerd makes them.
grpc::Status Refused(grpc::StatusCode code, const std::string& reason, const std::string& message);

}  // namespace timerd::cli
