#include "tests/client/fake_queues.h"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "grpcpp/server_builder.h"
#include "tests/client/fake_timers.h"

namespace timerd::testing {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

}  // namespace

v1::Occurrence MakeOccurrence(const std::string& id, uint64_t lease, uint32_t attempt,
                              absl::Duration lease_time) {
  v1::Occurrence occurrence;
  occurrence.set_id(id);
  occurrence.set_kind(v1::KIND_TIMER);
  occurrence.set_generation(1);
  occurrence.set_run(1);
  occurrence.set_attempt(attempt);
  occurrence.set_lease(lease);
  occurrence.mutable_time()->set_seconds(1000);
  const int64_t lease_ns = absl::ToInt64Nanoseconds(lease_time);
  occurrence.mutable_lease_end()->set_seconds(1000 + lease_ns / 1'000'000'000);
  occurrence.mutable_lease_end()->set_nanos(static_cast<int32_t>(lease_ns % 1'000'000'000));
  return occurrence;
}

v1::StatusDetails SettledError(grpc::StatusCode code, const std::string& reason) {
  const grpc::Status status = Refused(code, reason);
  v1::StatusDetails details;
  details.ParseFromString(status.error_details());
  details.set_message(status.error_message());
  return details;
}

void FakeWork::Begin() {
  self_ = shared_from_this();
  StartRead(&request_);
}

template <typename Condition>
void FakeWork::WaitLocked(std::unique_lock<std::mutex>& lock, const std::string& what,
                          const Condition& condition) {
  if (!changed_.wait_for(lock, kPatience, condition)) {
    throw std::runtime_error("the worker did not send " + what);
  }
}

v1::WorkRequest::Register FakeWork::Registration() {
  std::unique_lock<std::mutex> lock(mutex_);
  WaitLocked(lock, "register", [this] { return !registrations_.empty(); });
  return registrations_.front();
}

v1::WorkRequest::Register FakeWork::Join() {
  const v1::WorkRequest::Register registration = Registration();
  v1::WorkResponse response;
  response.mutable_registered()->mutable_now()->set_seconds(1000);
  Send(response);
  return registration;
}

void FakeWork::Deliver(const v1::Occurrence& occurrence) {
  v1::WorkResponse response;
  *response.add_occurrences() = occurrence;
  Send(response);
}

void FakeWork::Revoke(const v1::Occurrence& occurrence) {
  v1::WorkResponse response;
  response.add_revoked()->set_id(occurrence.id());
  response.mutable_revoked(0)->set_lease(occurrence.lease());
  Send(response);
}

void FakeWork::Send(const v1::WorkResponse& response) {
  std::lock_guard<std::mutex> lock(mutex_);
  SendLocked(response);
}

void FakeWork::SendLocked(const v1::WorkResponse& response) {
  responses_.push_back(response);
  if (responses_.size() == 1 && !ended_) {
    StartWrite(&responses_.front());
  }
}

v1::Settlement FakeWork::NextVerdict() {
  std::unique_lock<std::mutex> lock(mutex_);
  WaitLocked(lock, "a verdict", [this] { return !verdicts_.empty(); });
  v1::Settlement verdict = std::move(verdicts_.front());
  verdicts_.pop_front();
  return verdict;
}

v1::Settlement FakeWork::NextExtension() {
  std::unique_lock<std::mutex> lock(mutex_);
  WaitLocked(lock, "an extension", [this] { return !extensions_.empty(); });
  v1::Settlement extension = std::move(extensions_.front());
  extensions_.pop_front();
  return extension;
}

void FakeWork::RefuseExtensions(grpc::StatusCode code, const std::string& reason) {
  std::lock_guard<std::mutex> lock(mutex_);
  refusal_ = SettledError(code, reason);
}

void FakeWork::HoldExtensions() {
  std::lock_guard<std::mutex> lock(mutex_);
  hold_ = true;
}

bool FakeWork::Quiet() {
  std::lock_guard<std::mutex> lock(mutex_);
  return verdicts_.empty();
}

void FakeWork::Answer(const v1::Settlement& settlement) {
  v1::WorkResponse response;
  v1::Settled& settled = *response.add_settled();
  settled.set_id(settlement.id());
  settled.set_lease(settlement.lease());
  Send(response);
}

void FakeWork::Refuse(const v1::Settlement& settlement, grpc::StatusCode code,
                      const std::string& reason) {
  v1::WorkResponse response;
  v1::Settled& settled = *response.add_settled();
  settled.set_id(settlement.id());
  settled.set_lease(settlement.lease());
  *settled.mutable_error() = SettledError(code, reason);
  Send(response);
}

void FakeWork::WaitForDrain() {
  std::unique_lock<std::mutex> lock(mutex_);
  WaitLocked(lock, "drain", [this] { return drain_; });
}

void FakeWork::Drain() {
  WaitForDrain();
  v1::WorkResponse response;
  response.set_drained(true);
  Send(response);
}

void FakeWork::End(const grpc::Status& status) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!ended_) {
    ended_ = true;
    Finish(status);
  }
}

void FakeWork::WaitUntilClosed() {
  std::unique_lock<std::mutex> lock(mutex_);
  WaitLocked(lock, "the end of the stream", [this] { return closed_; });
}

void FakeWork::OnReadDone(bool ok) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (ok && request_.has_register_()) {
      registrations_.push_back(request_.register_());
    }
    drain_ = drain_ || (ok && request_.has_drain());
    v1::WorkResponse response;
    for (const v1::Settlement& settlement : request_.settlements()) {
      (settlement.has_extend() ? extensions_ : verdicts_).push_back(settlement);
      if (settlement.has_extend() && !hold_) {
        v1::Settled& settled = *response.add_settled();
        settled.set_id(settlement.id());
        settled.set_lease(settlement.lease());
        if (refusal_.has_value()) {
          *settled.mutable_error() = *refusal_;
        } else {
          settled.mutable_lease_end()->set_seconds(2000);
        }
      }
    }
    if (!response.settled().empty()) {
      SendLocked(response);
    }
    request_.Clear();
    closed_ = closed_ || !ok;
    changed_.notify_all();
  }
  if (ok) {
    StartRead(&request_);
  } else {
    End(grpc::Status::OK);
  }
}

void FakeWork::OnWriteDone(bool) {
  std::lock_guard<std::mutex> lock(mutex_);
  responses_.pop_front();
  if (!responses_.empty() && !ended_) {
    StartWrite(&responses_.front());
  }
}

void FakeWork::OnCancel() { End(grpc::Status::CANCELLED); }

void FakeWork::OnDone() { const std::shared_ptr<FakeWork> last = std::move(self_); }

FakeQueues::FakeQueues() { Listen(); }

FakeQueues::~FakeQueues() { Shutdown(); }

std::string FakeQueues::target() const { return "127.0.0.1:" + std::to_string(port_); }

void FakeQueues::Listen() {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(target(), grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port == 0) {
    throw std::runtime_error("cannot listen on " + target());
  }
  port_ = port;
}

void FakeQueues::Shutdown() {
  if (server_ == nullptr) {
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    arrived_.clear();
    for (const auto& weak : all_) {
      if (const auto stream = weak.lock(); stream != nullptr) {
        stream->End(grpc::Status(grpc::StatusCode::UNAVAILABLE, "shutting down"));
      }
    }
    all_.clear();
  }
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  server_->Wait();
  server_.reset();
}

std::shared_ptr<FakeWork> FakeQueues::NextStream() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [this] { return !arrived_.empty(); })) {
    throw std::runtime_error("the worker did not open a stream");
  }
  const std::shared_ptr<FakeWork> stream = arrived_.front();
  arrived_.pop_front();
  return stream;
}

grpc::ServerBidiReactor<v1::WorkRequest, v1::WorkResponse>* FakeQueues::Work(
    grpc::CallbackServerContext*) {
  const auto stream = std::make_shared<FakeWork>();
  stream->Begin();
  std::lock_guard<std::mutex> lock(mutex_);
  arrived_.push_back(stream);
  all_.push_back(stream);
  changed_.notify_all();
  return stream.get();
}

}  // namespace timerd::testing
