#include "tests/support/work_call.h"

#include <thread>

#include "tests/support/api_client.h"

namespace timerd::testing {

WorkCall::WorkCall(v1::Queues::Stub& stub, const std::string& queue, uint32_t credit,
                   const std::string& worker)
    : call_(stub.Work(&context_)) {
  if (credit > 0) {
    v1::WorkRequest request;
    request.mutable_register_()->set_queue(queue);
    request.mutable_register_()->set_credit(credit);
    request.mutable_register_()->set_worker(worker);
    call_->Write(request);
  }
  thread_ = std::thread([this] { Read(); });
}

WorkCall::~WorkCall() {
  Break();
  Resume();
  thread_.join();
}

void WorkCall::Break() { context_.TryCancel(); }

void WorkCall::Send(const v1::WorkRequest& request) {
  const absl::MutexLock lock(&sending_);
  call_->Write(request);
}
void WorkCall::Send(const std::string& text) { Send(Parse<v1::WorkRequest>(text)); }

void WorkCall::Settle(const v1::Settlement& settlement) {
  v1::WorkRequest request;
  *request.add_settlements() = settlement;
  Send(request);
}

void WorkCall::Succeed(const v1::Occurrence& occurrence, const std::string& result) {
  v1::Settlement settlement;
  settlement.set_id(occurrence.id());
  settlement.set_lease(occurrence.lease());
  settlement.set_success(result);
  Settle(settlement);
}

void WorkCall::Fail(const v1::Occurrence& occurrence, const std::string& text, bool final) {
  v1::Settlement settlement;
  settlement.set_id(occurrence.id());
  settlement.set_lease(occurrence.lease());
  settlement.mutable_failure()->set_payload(text);
  settlement.mutable_failure()->set_final(final);
  Settle(settlement);
}

void WorkCall::CloseSending() {
  const absl::MutexLock lock(&sending_);
  call_->WritesDone();
}

void WorkCall::Stall() {
  const absl::MutexLock lock(&mutex_);
  stalled_ = true;
}
void WorkCall::Resume() {
  const absl::MutexLock lock(&mutex_);
  stalled_ = false;
}

void WorkCall::Read() {
  v1::WorkResponse response;
  while (call_->Read(&response)) {
    const absl::MutexLock lock(&mutex_);
    registered_ |= response.has_registered();
    drained_ |= response.drained();
    occurrences_.insert(occurrences_.end(), response.occurrences().begin(),
                        response.occurrences().end());
    settled_.insert(settled_.end(), response.settled().begin(), response.settled().end());
    revoked_.insert(revoked_.end(), response.revoked().begin(), response.revoked().end());
    if (response.has_error()) {
      errors_.push_back(response.error());
    }
    mutex_.Await(absl::Condition(
        +[](bool* stalled) { return !*stalled; }, &stalled_));
  }
  const grpc::Status end = call_->Finish();
  const absl::MutexLock lock(&mutex_);
  end_ = end;
}

bool WorkCall::WaitFor(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  mutex_.AwaitWithTimeout(
      absl::Condition(
          +[](const std::function<bool()>* done) { return (*done)(); }, &condition),
      absl::FromChrono(patience));
  return condition();
}

template <typename T>
std::optional<T> WorkCall::Take(std::deque<T>& from, std::chrono::milliseconds patience) {
  const absl::MutexLock lock(&mutex_);
  WaitFor([&] { return !from.empty() || end_; }, patience);
  if (from.empty()) {
    return std::nullopt;
  }
  T taken = std::move(from.front());
  from.pop_front();
  return taken;
}

std::optional<v1::Occurrence> WorkCall::Next(std::chrono::milliseconds patience) {
  return Take(occurrences_, patience);
}
std::optional<v1::Settled> WorkCall::NextSettled(std::chrono::milliseconds patience) {
  return Take(settled_, patience);
}
std::optional<v1::WorkResponse::Revoked> WorkCall::NextRevoked() {
  return Take(revoked_, kPatience);
}
std::optional<v1::StatusDetails> WorkCall::NextError() { return Take(errors_, kPatience); }

bool WorkCall::WaitForRegistered() {
  const absl::MutexLock lock(&mutex_);
  return WaitFor([&] { return registered_ || end_; }, kPatience) && registered_;
}
bool WorkCall::WaitForDrained() {
  const absl::MutexLock lock(&mutex_);
  return WaitFor([&] { return drained_ || end_; }, kPatience) && drained_;
}
std::optional<grpc::Status> WorkCall::WaitForEnd(std::chrono::milliseconds patience) {
  const absl::MutexLock lock(&mutex_);
  WaitFor([&] { return end_.has_value(); }, patience);
  return end_;
}

}  // namespace timerd::testing
