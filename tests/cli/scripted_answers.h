// What a fake server answers, as a test has scripted it, and what it was asked.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "google/protobuf/message.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"
#include "grpcpp/support/sync_stream.h"

namespace timerd::cli {

// Thread-safe: scripts are set by the test before the call that they answer.
class ScriptedAnswers {
 public:
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

  // What the methods of a service are made of.
  grpc::Status Reply(grpc::ServerContext* context, const std::string& rpc,
                     const google::protobuf::Message& request, google::protobuf::Message* reply);
  template <typename Response>
  grpc::Status Stream(grpc::ServerContext* context, const std::string& rpc,
                      const google::protobuf::Message& request,
                      grpc::internal::WriterInterface<Response>* writer) {
    const Answer answer = Next(rpc, request);
    Send(answer, writer);
    return End(context, answer);
  }
  // Answers the first request; stays open until the client has closed its side.
  template <typename Response, typename Request>
  grpc::Status BothWays(const std::string& rpc,
                        grpc::ServerReaderWriter<Response, Request>* stream) {
    Request request;
    stream->Read(&request);
    const Answer answer = Next(rpc, request);
    Send(answer, stream);
    while (answer.stays_open && stream->Read(&request)) {
      Note(rpc, request);
    }
    return answer.status;
  }

 private:
  Answer Next(const std::string& rpc, const google::protobuf::Message& request);
  void Note(const std::string& rpc, const google::protobuf::Message& request);
  template <typename Response>
  static void Send(const Answer& answer, grpc::internal::WriterInterface<Response>* writer) {
    for (const std::string& text : answer.messages) {
      Response response;
      Fill(text, &response);
      writer->Write(response);
    }
  }
  static void Fill(const std::string& text, google::protobuf::Message* message);
  static grpc::Status End(grpc::ServerContext* context, const Answer& answer);

  std::mutex mutex_;
  std::vector<Answer> answers_;
  std::vector<std::string> requests_;
};

// A status with a reason in its details, as timerd makes them.
grpc::Status Refused(grpc::StatusCode code, const std::string& reason, const std::string& message);

}  // namespace timerd::cli
