#include "client/src/work_stream.h"

#include <utility>

#include "client/src/status.h"

namespace timerd {
inline namespace client {

std::shared_ptr<WorkStream> WorkStream::Open(std::shared_ptr<Connection> connection,
                                             std::shared_ptr<WorkStreamListener> listener) {
  std::shared_ptr<WorkStream> stream(new WorkStream(std::move(connection), std::move(listener)));
  if (!stream->connection_->EnterStream(stream->context_.get())) {
    return nullptr;
  }
  stream->self_ = stream;
  stream->connection_->queues_api().Work(stream->context_.get(), stream.get());
  stream->AddHold();  // until nothing is to be read any more
  stream->StartRead(&stream->response_);
  stream->StartCall();
  return stream;
}

WorkStream::WorkStream(std::shared_ptr<Connection> connection,
                       std::shared_ptr<WorkStreamListener> listener)
    : connection_(std::move(connection)),
      listener_(std::move(listener)),
      context_(std::make_unique<grpc::ClientContext>()) {}

void WorkStream::Write(std::shared_ptr<const v1::WorkRequest> request) {
  request_ = std::move(request);
  StartWrite(request_.get());
  RemoveHold();
}

void WorkStream::FinishWrites() {
  StartWritesDone();
  RemoveHold();
}

void WorkStream::Cancel() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (context_ != nullptr) {
    context_->TryCancel();
  }
}

void WorkStream::OnReadDone(bool ok) {
  if (ok) {
    listener_->OnResponse(response_);
    response_.Clear();
    StartRead(&response_);
  } else {
    listener_->OnBroken();
    RemoveHold();
  }
}

void WorkStream::OnWriteDone(bool ok) {
  if (ok) {
    listener_->OnWritten();
  }
}

void WorkStream::OnDone(const grpc::Status& status) {
  listener_->OnStreamEnd(FromGrpc(status));
  listener_.reset();
  grpc::ClientContext* const key = context_.get();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    context_.reset();
  }
  connection_->Leave(key);
  const std::shared_ptr<WorkStream> last = std::move(self_);
}

}  // namespace client
}  // namespace timerd
