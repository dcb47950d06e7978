#include "client/cli/work_call.h"

#include <utility>

namespace timerd::cli {
namespace {

grpc::ClientContext* Prepared(grpc::ClientContext* context, bool patient) {
  context->set_wait_for_ready(patient);
  // Or else opening the stream would wait for the connection, where nobody can cancel it.
  context->set_initial_metadata_corked(true);
  return context;
}

}  // namespace

WorkCall::WorkCall(Session& session, bool patient)
    : stream_(session.stub<v1::Queues::Stub>().Work(Prepared(&context_, patient))),
      writer_([this] { WriteAll(); }) {}

WorkCall::~WorkCall() = default;

void WorkCall::Say(v1::WorkRequest request) {
  const std::lock_guard<std::mutex> lock(mutex_);
  outbox_.push_back(std::move(request));
  changed_.notify_one();
}

void WorkCall::EndOfSaying() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  changed_.notify_one();
}

grpc::Status WorkCall::Finish() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    lost_ = true;
    changed_.notify_one();
  }
  writer_.join();
  return stream_->Finish();
}

void WorkCall::WriteAll() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return lost_ || ended_ || !outbox_.empty(); });
    if (lost_) {
      return;
    }
    if (outbox_.empty()) {
      lock.unlock();
      stream_->WritesDone();
      return;
    }
    const v1::WorkRequest request = std::move(outbox_.front());
    outbox_.pop_front();
    lock.unlock();
    const bool written = stream_->Write(request);
    lock.lock();
    if (!written) {
      return;
    }
  }
}

}  // namespace timerd::cli
