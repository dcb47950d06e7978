#include "tests/cli/scripted_answers.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "timerd/v1/errors.pb.h"

namespace timerd::cli {

void ScriptedAnswers::AnswerWith(Answer answer) {
  const std::lock_guard<std::mutex> lock(mutex_);
  answers_ = {std::move(answer)};
}

void ScriptedAnswers::ThenWith(Answer answer) {
  const std::lock_guard<std::mutex> lock(mutex_);
  answers_.push_back(std::move(answer));
}

std::vector<std::string> ScriptedAnswers::requests() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

grpc::Status ScriptedAnswers::Reply(grpc::ServerContext* context, const std::string& rpc,
                                    const google::protobuf::Message& request,
                                    google::protobuf::Message* reply) {
  const Answer answer = Next(rpc, request);
  if (!answer.messages.empty()) {
    Fill(answer.messages[0], reply);
  }
  return End(context, answer);
}

ScriptedAnswers::Answer ScriptedAnswers::Next(const std::string& rpc,
                                              const google::protobuf::Message& request) {
  Note(rpc, request);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (answers_.empty()) {
    return {{}, grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "the test has set no answer")};
  }
  Answer answer = answers_.front();
  if (answers_.size() > 1) {
    answers_.erase(answers_.begin());
  }
  return answer;
}

void ScriptedAnswers::Note(const std::string& rpc, const google::protobuf::Message& request) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::string fields = request.ShortDebugString();
  requests_.push_back(absl::StrCat(rpc, " { ", fields, fields.empty() ? "}" : " }"));
}

void ScriptedAnswers::Fill(const std::string& text, google::protobuf::Message* message) {
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, message)) << text;
}

grpc::Status ScriptedAnswers::End(grpc::ServerContext* context, const Answer& answer) {
  // The sync API has no wait for a client's going; looking now and then is the documented way.
  while (answer.stays_open && !context->IsCancelled()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return answer.status;
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
