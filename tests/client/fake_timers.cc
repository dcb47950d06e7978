#include "tests/client/fake_timers.h"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "grpcpp/server_builder.h"
#include "timerd/v1/errors.pb.h"

namespace timerd::testing {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);
// The synchronous server tells of a cancelled call only when asked.
constexpr auto kPoll = std::chrono::milliseconds(5);

}  // namespace

v1::Acknowledgement Acknowledged(const std::string& id, bool existed) {
  v1::Acknowledgement acknowledgement;
  acknowledgement.set_id(id);
  acknowledgement.set_existed(existed);
  acknowledgement.mutable_now()->set_seconds(1000);
  acknowledgement.mutable_deadline()->set_seconds(1005);
  return acknowledgement;
}

v1::Event MakeEvent(v1::Event::Type type, uint64_t sequence, uint64_t run,
                    const std::string& payload) {
  v1::Event event;
  event.set_type(type);
  event.set_sequence(sequence);
  event.set_run(run);
  event.set_payload(payload);
  event.mutable_time()->set_seconds(1005);
  return event;
}

grpc::Status Refused(grpc::StatusCode code, const std::string& reason, const std::string& key,
                     const std::string& detail) {
  v1::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("timerd");
  if (!key.empty()) {
    (*info.mutable_metadata())[key] = detail;
  }
  v1::StatusDetails details;
  details.set_code(code);
  auto* any = details.add_details();
  any->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  any->set_value(info.SerializeAsString());
  return grpc::Status(code, "refused: " + reason, details.SerializeAsString());
}

grpc::Status RetryAfter(absl::Duration delay, const grpc::Status& status) {
  v1::StatusDetails details;
  details.ParseFromString(status.error_details());
  v1::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(delay));
  info.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(delay % absl::Seconds(1))));
  auto* any = details.add_details();
  any->set_type_url("type.googleapis.com/google.rpc.RetryInfo");
  any->set_value(info.SerializeAsString());
  return grpc::Status(status.error_code(), status.error_message(), details.SerializeAsString());
}

void FakeCall::Send(v1::Acknowledgement acknowledgement) {
  std::lock_guard<std::mutex> lock(mutex_);
  items_.push_back({.acknowledgement = std::move(acknowledgement)});
  changed_.notify_all();
}

void FakeCall::Send(v1::Event event) {
  std::lock_guard<std::mutex> lock(mutex_);
  items_.push_back({.event = std::move(event)});
  changed_.notify_all();
}

void FakeCall::Send(v1::WatchResponse response) {
  std::lock_guard<std::mutex> lock(mutex_);
  items_.push_back({.feed = std::move(response)});
  changed_.notify_all();
}

void FakeCall::Finish(grpc::Status status) {
  if (submit_ != nullptr) {
    submit_(nullptr, status);
    return;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  if (!final_.has_value()) {
    final_ = std::move(status);
    changed_.notify_all();
  }
}

void FakeCall::PutReply(std::shared_ptr<google::protobuf::Message> reply) {
  if (submit_ != nullptr) {
    submit_(std::move(reply), grpc::Status::OK);
    return;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  reply_ = std::move(reply);
  final_ = grpc::Status::OK;
  changed_.notify_all();
}

bool FakeCall::WaitUntilCancelled() {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, kPatience, [this] { return cancelled_; });
}

std::optional<FakeCall::Item> FakeCall::Next(grpc::ServerContext* context) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (items_.empty() && !final_.has_value()) {
    changed_.wait_for(lock, kPoll);
    if (context->IsCancelled()) {
      cancelled_ = true;
      final_ = grpc::Status(grpc::StatusCode::CANCELLED, "cancelled by the client");
      changed_.notify_all();
    }
  }
  if (items_.empty()) {
    return std::nullopt;
  }
  Item item = std::move(items_.front());
  items_.pop_front();
  return item;
}

class FakeTimers::Clock final : public v1::Clock::Service {
 public:
  explicit Clock(FakeTimers& timers) : timers_(timers) {}

 private:
  grpc::Status Now(grpc::ServerContext* context, const v1::NowRequest* request,
                   v1::NowResponse* response) override {
    return timers_.Unary(*timers_.Arrive("Now", *request), context, response);
  }

  FakeTimers& timers_;
};

// A stream of Submit; each message that it brings is a call of its own.
class FakeTimers::SubmitStream final
    : public grpc::ServerBidiReactor<v1::SubmitRequest, v1::SubmitResponse>,
      public std::enable_shared_from_this<SubmitStream> {
 public:
  explicit SubmitStream(FakeTimers& timers) : timers_(timers) {}

  void Begin() {
    self_ = shared_from_this();
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      End(grpc::Status::OK);
      return;
    }
    timers_.Arrive("Submit", request_,
                   [self = shared_from_this()](std::shared_ptr<google::protobuf::Message> reply,
                                               const grpc::Status& status) {
                     if (reply == nullptr) {
                       self->End(status);
                     } else {
                       self->Answer(dynamic_cast<const v1::SubmitResponse&>(*reply));
                     }
                   });
    StartRead(&request_);
  }

  void Answer(const v1::SubmitResponse& response) {
    std::lock_guard<std::mutex> lock(mutex_);
    answers_.push_back(response);
    if (answers_.size() == 1 && !ended_) {
      StartWrite(&answers_.front());
    }
  }

  void OnWriteDone(bool) override {
    std::lock_guard<std::mutex> lock(mutex_);
    answers_.pop_front();
    if (!answers_.empty() && !ended_) {
      StartWrite(&answers_.front());
    }
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }

  void End(const grpc::Status& status) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!ended_) {
      ended_ = true;
      Finish(status);
    }
  }

  void OnDone() override { const std::shared_ptr<SubmitStream> last = std::move(self_); }

  FakeTimers& timers_;
  v1::SubmitRequest request_;
  std::shared_ptr<SubmitStream> self_;
  std::mutex mutex_;
  std::list<v1::SubmitResponse> answers_;  // guarded by mutex_; the first is being written
  bool ended_ = false;                     // guarded by mutex_
};

grpc::ServerBidiReactor<v1::SubmitRequest, v1::SubmitResponse>* FakeTimers::Submit(
    grpc::CallbackServerContext*) {
  const auto stream = std::make_shared<SubmitStream>(*this);
  stream->Begin();
  return stream.get();
}

FakeTimers::FakeTimers() : clock_(std::make_unique<Clock>(*this)) { Listen(); }

FakeTimers::~FakeTimers() { Shutdown(); }

std::string FakeTimers::target() const { return "127.0.0.1:" + std::to_string(port_); }

void FakeTimers::Listen() {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(target(), grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(this);
  builder.RegisterService(clock_.get());
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port == 0) {
    throw std::runtime_error("cannot listen on " + target());
  }
  port_ = port;
}

void FakeTimers::Shutdown() {
  if (server_ == nullptr) {
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    arrived_.clear();
    for (const auto& weak : all_) {
      if (const auto call = weak.lock(); call != nullptr) {
        call->Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "shutting down"));
      }
    }
    all_.clear();
  }
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  server_->Wait();
  server_.reset();
}

std::shared_ptr<FakeCall> FakeTimers::Next(const std::string& method) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    for (auto it = arrived_.begin(); it != arrived_.end(); ++it) {
      if ((*it)->method() == method) {
        const std::shared_ptr<FakeCall> call = *it;
        arrived_.erase(it);
        return call;
      }
    }
    if (changed_.wait_until(lock, until) == std::cv_status::timeout) {
      throw std::runtime_error("the client did not call " + method);
    }
  }
}

bool FakeTimers::Quiet(const std::string& method) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& call : arrived_) {
    if (call->method() == method) {
      return false;
    }
  }
  return true;
}

std::shared_ptr<FakeCall> FakeTimers::Arrive(const std::string& method,
                                             const google::protobuf::Message& request,
                                             decltype(FakeCall::submit_) submit) {
  std::shared_ptr<google::protobuf::Message> copy(request.New());
  copy->CopyFrom(request);
  auto call = std::make_shared<FakeCall>(method, std::move(copy));
  call->submit_ = std::move(submit);
  std::lock_guard<std::mutex> lock(mutex_);
  arrived_.push_back(call);
  all_.push_back(call);
  changed_.notify_all();
  return call;
}

template <typename Response>
grpc::Status FakeTimers::Stream(FakeCall& call, grpc::ServerContext* context,
                                grpc::ServerWriter<Response>* writer) {
  while (auto item = call.Next(context)) {
    Response response;
    if (item->acknowledgement.has_value()) {
      *response.mutable_acknowledged() = *item->acknowledgement;
    } else if (item->feed.has_value()) {
      response.MergeFromString(item->feed->SerializeAsString());
    } else {
      *response.mutable_event() = *item->event;
    }
    writer->Write(response);
  }
  std::lock_guard<std::mutex> lock(call.mutex_);
  return *call.final_;
}

grpc::Status FakeTimers::Unary(FakeCall& call, grpc::ServerContext* context,
                               google::protobuf::Message* response) {
  call.Next(context);
  std::lock_guard<std::mutex> lock(call.mutex_);
  if (call.reply_ != nullptr) {
    response->CopyFrom(*call.reply_);
  }
  return *call.final_;
}

grpc::Status FakeTimers::Schedule(grpc::ServerContext* context, const v1::ScheduleRequest* request,
                                  grpc::ServerWriter<v1::ScheduleResponse>* writer) {
  return Stream(*Arrive("Schedule", *request), context, writer);
}
grpc::Status FakeTimers::StartLoop(grpc::ServerContext* context,
                                   const v1::StartLoopRequest* request,
                                   grpc::ServerWriter<v1::StartLoopResponse>* writer) {
  return Stream(*Arrive("StartLoop", *request), context, writer);
}
grpc::Status FakeTimers::WithTimeout(grpc::ServerContext* context,
                                     const v1::WithTimeoutRequest* request,
                                     grpc::ServerWriter<v1::WithTimeoutResponse>* writer) {
  return Stream(*Arrive("WithTimeout", *request), context, writer);
}
grpc::Status FakeTimers::Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                               grpc::ServerWriter<v1::WatchResponse>* writer) {
  return Stream(*Arrive("Watch", *request), context, writer);
}
grpc::Status FakeTimers::Cancel(grpc::ServerContext* context, const v1::CancelRequest* request,
                                v1::CancelResponse* response) {
  return Unary(*Arrive("Cancel", *request), context, response);
}
grpc::Status FakeTimers::StopLoop(grpc::ServerContext* context, const v1::StopLoopRequest* request,
                                  v1::StopLoopResponse* response) {
  return Unary(*Arrive("StopLoop", *request), context, response);
}
grpc::Status FakeTimers::PauseLoop(grpc::ServerContext* context,
                                   const v1::PauseLoopRequest* request,
                                   v1::PauseLoopResponse* response) {
  return Unary(*Arrive("PauseLoop", *request), context, response);
}
grpc::Status FakeTimers::ResumeLoop(grpc::ServerContext* context,
                                    const v1::ResumeLoopRequest* request,
                                    v1::ResumeLoopResponse* response) {
  return Unary(*Arrive("ResumeLoop", *request), context, response);
}
grpc::Status FakeTimers::ResetLoop(grpc::ServerContext* context,
                                   const v1::ResetLoopRequest* request,
                                   v1::ResetLoopResponse* response) {
  return Unary(*Arrive("ResetLoop", *request), context, response);
}
grpc::Status FakeTimers::ChangeInterval(grpc::ServerContext* context,
                                        const v1::ChangeIntervalRequest* request,
                                        v1::ChangeIntervalResponse* response) {
  return Unary(*Arrive("ChangeInterval", *request), context, response);
}
grpc::Status FakeTimers::TriggerLoop(grpc::ServerContext* context,
                                     const v1::TriggerLoopRequest* request,
                                     v1::TriggerLoopResponse* response) {
  return Unary(*Arrive("TriggerLoop", *request), context, response);
}
grpc::Status FakeTimers::Report(grpc::ServerContext* context, const v1::ReportRequest* request,
                                v1::ReportResponse* response) {
  return Unary(*Arrive("Report", *request), context, response);
}
grpc::Status FakeTimers::Reschedule(grpc::ServerContext* context,
                                    const v1::RescheduleRequest* request,
                                    v1::RescheduleResponse* response) {
  return Unary(*Arrive("Reschedule", *request), context, response);
}
grpc::Status FakeTimers::Get(grpc::ServerContext* context, const v1::GetRequest* request,
                             v1::GetResponse* response) {
  return Unary(*Arrive("Get", *request), context, response);
}

}  // namespace timerd::testing
