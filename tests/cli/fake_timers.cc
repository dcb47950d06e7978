#include "tests/cli/fake_timers.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "grpcpp/server_builder.h"
#include "timerd/v1/errors.pb.h"

namespace timerd::cli {
namespace {

// The sync API has no wait for a client's going; looking now and then is the documented way.
void WaitUntilGone(grpc::ServerContext* context) {
  while (!context->IsCancelled()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void Fill(const std::string& text, google::protobuf::Message* message) {
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, message)) << text;
}

}  // namespace

FakeTimers::FakeTimers() {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  address_ = absl::StrCat("127.0.0.1:", port);
}

FakeTimers::~FakeTimers() { server_->Shutdown(std::chrono::system_clock::now()); }

void FakeTimers::AnswerWith(Answer answer) {
  const std::lock_guard<std::mutex> lock(mutex_);
  answers_ = {std::move(answer)};
}

void FakeTimers::ThenWith(Answer answer) {
  const std::lock_guard<std::mutex> lock(mutex_);
  answers_.push_back(std::move(answer));
}

std::vector<std::string> FakeTimers::requests() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

FakeTimers::Answer FakeTimers::Next(const std::string& rpc,
                                    const google::protobuf::Message& request) {
  const std::lock_guard<std::mutex> lock(mutex_);
  requests_.push_back(absl::StrCat(rpc, " { ", request.ShortDebugString(), " }"));
  if (answers_.empty()) {
    return {{}, grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "the test has set no answer")};
  }
  Answer answer = answers_.front();
  if (answers_.size() > 1) {
    answers_.erase(answers_.begin());
  }
  return answer;
}

grpc::Status FakeTimers::Reply(grpc::ServerContext* context, const std::string& rpc,
                               const google::protobuf::Message& request,
                               google::protobuf::Message* reply) {
  const Answer answer = Next(rpc, request);
  if (!answer.messages.empty()) {
    Fill(answer.messages[0], reply);
  }
  if (answer.stays_open) {
    WaitUntilGone(context);
  }
  return answer.status;
}

template <typename Response>
grpc::Status FakeTimers::Stream(grpc::ServerContext* context, const std::string& rpc,
                                const google::protobuf::Message& request,
                                grpc::ServerWriter<Response>* writer) {
  const Answer answer = Next(rpc, request);
  for (const std::string& text : answer.messages) {
    Response response;
    Fill(text, &response);
    writer->Write(response);
  }
  if (answer.stays_open) {
    WaitUntilGone(context);
  }
  return answer.status;
}

grpc::Status FakeTimers::Schedule(grpc::ServerContext* context, const v1::ScheduleRequest* request,
                                  grpc::ServerWriter<v1::ScheduleResponse>* writer) {
  return Stream(context, "Schedule", *request, writer);
}

grpc::Status FakeTimers::StartLoop(grpc::ServerContext* context,
                                   const v1::StartLoopRequest* request,
                                   grpc::ServerWriter<v1::StartLoopResponse>* writer) {
  return Stream(context, "StartLoop", *request, writer);
}

grpc::Status FakeTimers::WithTimeout(grpc::ServerContext* context,
                                     const v1::WithTimeoutRequest* request,
                                     grpc::ServerWriter<v1::WithTimeoutResponse>* writer) {
  return Stream(context, "WithTimeout", *request, writer);
}

grpc::Status FakeTimers::Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                               grpc::ServerWriter<v1::WatchResponse>* writer) {
  return Stream(context, "Watch", *request, writer);
}

grpc::Status FakeTimers::Cancel(grpc::ServerContext* context, const v1::CancelRequest* request,
                                v1::CancelResponse* reply) {
  return Reply(context, "Cancel", *request, reply);
}

grpc::Status FakeTimers::StopLoop(grpc::ServerContext* context, const v1::StopLoopRequest* request,
                                  v1::StopLoopResponse* reply) {
  return Reply(context, "StopLoop", *request, reply);
}

grpc::Status FakeTimers::Report(grpc::ServerContext* context, const v1::ReportRequest* request,
                                v1::ReportResponse* reply) {
  return Reply(context, "Report", *request, reply);
}

grpc::Status FakeTimers::Reschedule(grpc::ServerContext* context,
                                    const v1::RescheduleRequest* request,
                                    v1::RescheduleResponse* reply) {
  return Reply(context, "Reschedule", *request, reply);
}

grpc::Status FakeTimers::Get(grpc::ServerContext* context, const v1::GetRequest* request,
                             v1::GetResponse* reply) {
  return Reply(context, "Get", *request, reply);
}

grpc::Status FakeTimers::List(grpc::ServerContext* context, const v1::ListRequest* request,
                              v1::ListResponse* reply) {
  return Reply(context, "List", *request, reply);
}

grpc::Status Refused(grpc::StatusCode code, const std::string& reason, const std::string& message) {
  v1::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("timerd");
  v1::StatusDetails details;
  details.set_code(code);
  details.set_message(message);
  details.add_details()->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  details.mutable_details(0)->set_value(info.SerializeAsString());
  return grpc::Status(code, message, details.SerializeAsString());
}

}  // namespace timerd::cli
