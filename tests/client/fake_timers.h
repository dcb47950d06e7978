// A Timers and a Clock service that do what a test tells them to, call by call: streams that break,
// replies that get lost, runs told twice. They know no time and keep no handles; the test plays the
// server.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "google/protobuf/message.h"
#include "grpcpp/server.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd::testing {

v1::Acknowledgement Acknowledged(const std::string& id, bool existed = false);
v1::Event MakeEvent(v1::Event::Type type, uint64_t sequence, uint64_t run = 0,
                    const std::string& payload = "");
// A refusal with its reason in the status details, as the server sends it.
grpc::Status Refused(grpc::StatusCode code, const std::string& reason, const std::string& key = "",
                     const std::string& detail = "");
// The same refusal, which says when to ask again.
grpc::Status RetryAfter(absl::Duration delay, const grpc::Status& status);

// One RPC that has arrived and waits for what the test says. Thread-safe.
class FakeCall {
 public:
  FakeCall(std::string method, std::shared_ptr<google::protobuf::Message> request)
      : method_(std::move(method)), request_(std::move(request)) {}

  const std::string& method() const { return method_; }
  const google::protobuf::Message& message() const { return *request_; }
  template <typename Request>
  const Request& request() const {
    return dynamic_cast<const Request&>(*request_);
  }

  // Streams: send one message. FakeTimers::Acknowledge() and friends save words.
  void Send(v1::Acknowledgement acknowledgement);
  void Send(v1::Event event);
  // Feeds: what else a response can hold.
  void Send(v1::WatchResponse response);
  // Streams: break or close. Unary calls: fail. A message of Submit: breaks or closes its stream.
  void Finish(grpc::Status status);
  // Unary calls and messages of Submit: answer.
  template <typename Response>
  void Reply(const Response& response) {
    PutReply(std::make_shared<Response>(response));
  }
  // Blocks until the client has cancelled this call; false after 10 s.
  bool WaitUntilCancelled();

 private:
  friend class FakeTimers;
  struct Item {
    std::optional<v1::Acknowledgement> acknowledgement;
    std::optional<v1::Event> event;
    std::optional<v1::WatchResponse> feed;
  };
  void PutReply(std::shared_ptr<google::protobuf::Message> reply);
  // Blocks for the next item; nullopt when the call is to be finished with final_.
  std::optional<Item> Next(grpc::ServerContext* context);

  const std::string method_;
  const std::shared_ptr<google::protobuf::Message> request_;
  // A message of Submit: where its answer goes; null ends the stream with the status.
  std::function<void(std::shared_ptr<google::protobuf::Message>, const grpc::Status&)> submit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;                            // guarded by mutex_
  std::optional<grpc::Status> final_;                 // guarded by mutex_
  std::shared_ptr<google::protobuf::Message> reply_;  // guarded by mutex_
  bool cancelled_ = false;                            // guarded by mutex_
};

class FakeTimers final : public v1::Timers::WithCallbackMethod_Submit<v1::Timers::Service> {
 public:
  FakeTimers();
  ~FakeTimers() override;

  std::string target() const;
  // Ends all calls in UNAVAILABLE and listens no more; Listen() takes the same port again.
  void Shutdown();
  void Listen();

  // The next call of `method` ("Schedule"; for "Submit" the next message); throws, which fails the
  // test, if none comes in 10 s.
  std::shared_ptr<FakeCall> Next(const std::string& method);
  // True if no call of `method` is waiting.
  bool Quiet(const std::string& method);

 private:
  grpc::Status Schedule(grpc::ServerContext* context, const v1::ScheduleRequest* request,
                        grpc::ServerWriter<v1::ScheduleResponse>* writer) override;
  grpc::Status StartLoop(grpc::ServerContext* context, const v1::StartLoopRequest* request,
                         grpc::ServerWriter<v1::StartLoopResponse>* writer) override;
  grpc::Status WithTimeout(grpc::ServerContext* context, const v1::WithTimeoutRequest* request,
                           grpc::ServerWriter<v1::WithTimeoutResponse>* writer) override;
  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::WatchResponse>* writer) override;
  grpc::Status Cancel(grpc::ServerContext* context, const v1::CancelRequest* request,
                      v1::CancelResponse* response) override;
  grpc::Status StopLoop(grpc::ServerContext* context, const v1::StopLoopRequest* request,
                        v1::StopLoopResponse* response) override;
  grpc::Status PauseLoop(grpc::ServerContext* context, const v1::PauseLoopRequest* request,
                         v1::PauseLoopResponse* response) override;
  grpc::Status ResumeLoop(grpc::ServerContext* context, const v1::ResumeLoopRequest* request,
                          v1::ResumeLoopResponse* response) override;
  grpc::Status ResetLoop(grpc::ServerContext* context, const v1::ResetLoopRequest* request,
                         v1::ResetLoopResponse* response) override;
  grpc::Status ChangeInterval(grpc::ServerContext* context,
                              const v1::ChangeIntervalRequest* request,
                              v1::ChangeIntervalResponse* response) override;
  grpc::Status TriggerLoop(grpc::ServerContext* context, const v1::TriggerLoopRequest* request,
                           v1::TriggerLoopResponse* response) override;
  grpc::Status Report(grpc::ServerContext* context, const v1::ReportRequest* request,
                      v1::ReportResponse* response) override;
  grpc::Status Reschedule(grpc::ServerContext* context, const v1::RescheduleRequest* request,
                          v1::RescheduleResponse* response) override;
  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request,
                   v1::GetResponse* response) override;

  grpc::ServerBidiReactor<v1::SubmitRequest, v1::SubmitResponse>* Submit(
      grpc::CallbackServerContext* context) override;

  class Clock;
  class SubmitStream;

  std::shared_ptr<FakeCall> Arrive(const std::string& method,
                                   const google::protobuf::Message& request,
                                   decltype(FakeCall::submit_) submit = nullptr);
  template <typename Response>
  grpc::Status Stream(FakeCall& call, grpc::ServerContext* context,
                      grpc::ServerWriter<Response>* writer);
  grpc::Status Unary(FakeCall& call, grpc::ServerContext* context,
                     google::protobuf::Message* response);

  const std::unique_ptr<Clock> clock_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<std::shared_ptr<FakeCall>> arrived_;  // guarded by mutex_
  std::list<std::weak_ptr<FakeCall>> all_;        // guarded by mutex_
};

}  // namespace timerd::testing
