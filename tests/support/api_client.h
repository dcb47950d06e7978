// The API as tests speak it: requests written as text, answers with the reason decoded.
#pragma once

#include <google/protobuf/text_format.h>
#include <google/protobuf/timestamp.pb.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/base/check.h"
#include "timerd/v1/queues.grpc.pb.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd::testing {

// `text` as a message: Parse<v1::CancelRequest>("id: 'a'").
template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  TIMERD_CHECK(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

inline int64_t Nanos(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1'000'000'000 + time.nanos();
}

// The reason in the status details, "" if there is none; and what stands beside it under `key`.
std::string ReasonOf(const grpc::Status& status);
std::string DetailOf(const grpc::Status& status, const std::string& key);
std::string ToString(const grpc::Status& status);
// The same of an error within an answer, whose message stands in for a reason that it has not.
std::string ReasonOf(const v1::StatusDetails& details);
// When to ask again, where the details say so.
std::optional<std::chrono::nanoseconds> RetryDelayOf(const v1::StatusDetails& details);
std::optional<std::chrono::nanoseconds> RetryDelayOf(const grpc::Status& status);

template <typename Response>
struct Answer {
  grpc::Status status;
  Response value;
  const Response* operator->() const { return &value; }
};

// A stream of one of the four kinds. Ends when destroyed.
template <typename Response>
class Stream {
 public:
  // `open(context)` makes the call.
  template <typename Open>
  Stream(Open open, std::chrono::milliseconds patience) : context_(new grpc::ClientContext) {
    context_->set_deadline(std::chrono::system_clock::now() + patience);
    reader_ = open(context_.get());
  }
  Stream(Stream&&) = default;
  ~Stream() {
    if (reader_ != nullptr && !finished_) {
      Detach();
    }
  }

  // The next message; nothing at the end.
  std::optional<Response> Next() {
    Response response;
    return reader_->Read(&response) ? std::optional<Response>(std::move(response)) : std::nullopt;
  }
  // The next message, which must be an acknowledgement or an event; an empty one at the end, which
  // the caller's expectations will not like.
  v1::Acknowledgement Acknowledged() {
    const auto next = Next();
    return next ? next->acknowledged() : v1::Acknowledgement();
  }
  v1::Event Event() {
    const auto next = Next();
    return next ? next->event() : v1::Event();
  }
  // Reads to the end.
  grpc::Status Finish() {
    while (Next()) {
    }
    finished_ = true;
    return reader_->Finish();
  }
  // Breaks the stream off.
  void Detach() {
    context_->TryCancel();
    Finish();
  }

 private:
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReader<Response>> reader_;
  bool finished_ = false;
};

// Thread-safe. Each has a connection of its own.
class ApiClient {
 public:
  explicit ApiClient(const std::string& address,
                     std::chrono::milliseconds patience = std::chrono::seconds(20));

#define TIMERD_UNARY(Method) TIMERD_UNARY_OF(stub_, Method)
#define TIMERD_UNARY_OF(stub, Method)                                       \
  Answer<v1::Method##Response> Method(const v1::Method##Request& request) { \
    Answer<v1::Method##Response> answer;                                    \
    grpc::ClientContext context;                                            \
    context.set_deadline(std::chrono::system_clock::now() + patience_);     \
    answer.status = stub->Method(&context, request, &answer.value);         \
    return answer;                                                          \
  }                                                                         \
  Answer<v1::Method##Response> Method(const std::string& request) {         \
    return Method(Parse<v1::Method##Request>(request));                     \
  }
#define TIMERD_STREAM(Method)                                                                      \
  Stream<v1::Method##Response> Method(const v1::Method##Request& request) {                        \
    return Stream<v1::Method##Response>(                                                           \
        [&](grpc::ClientContext* context) { return stub_->Method(context, request); }, patience_); \
  }                                                                                                \
  Stream<v1::Method##Response> Method(const std::string& request) {                                \
    return Method(Parse<v1::Method##Request>(request));                                            \
  }
  TIMERD_STREAM(Schedule)
  TIMERD_STREAM(StartLoop)
  TIMERD_STREAM(WithTimeout)
  TIMERD_STREAM(Watch)
  TIMERD_UNARY(Cancel)
  TIMERD_UNARY(StopLoop)
  TIMERD_UNARY(PauseLoop)
  TIMERD_UNARY(ResumeLoop)
  TIMERD_UNARY(ResetLoop)
  TIMERD_UNARY(ChangeInterval)
  TIMERD_UNARY(TriggerLoop)
  TIMERD_UNARY(Report)
  TIMERD_UNARY(Reschedule)
  TIMERD_UNARY(Batch)
  TIMERD_UNARY(Get)
  TIMERD_UNARY(List)
  TIMERD_UNARY_OF(clock_stub_, Now)
  TIMERD_UNARY_OF(clock_stub_, Advance)
  TIMERD_UNARY_OF(clock_stub_, AdvanceToNext)
  TIMERD_UNARY_OF(queues_stub_, GetQueue)
  TIMERD_UNARY_OF(queues_stub_, ListQueues)
  TIMERD_UNARY_OF(queues_stub_, ConfigureQueue)
  TIMERD_UNARY_OF(queues_stub_, PauseQueue)
  TIMERD_UNARY_OF(queues_stub_, ResumeQueue)
  TIMERD_UNARY_OF(queues_stub_, PurgeQueue)
  TIMERD_UNARY_OF(queues_stub_, ListDeadLetters)
  TIMERD_UNARY_OF(queues_stub_, ReplayDeadLetters)
  TIMERD_UNARY_OF(queues_stub_, PurgeDeadLetters)
#undef TIMERD_UNARY
#undef TIMERD_UNARY_OF
#undef TIMERD_STREAM

  // Calls `method` with `request` written as text, reads a stream to its end, and gives the status.
  grpc::Status Try(const std::string& method, const std::string& request);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // For calls of other shapes.
  v1::Timers::Stub& stub() { return *stub_; }
  v1::Queues::Stub& queues_stub() { return *queues_stub_; }

 private:
  const std::chrono::milliseconds patience_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Timers::Stub> stub_;
  const std::unique_ptr<v1::Clock::Stub> clock_stub_;
  const std::unique_ptr<v1::Queues::Stub> queues_stub_;
};

}  // namespace timerd::testing
