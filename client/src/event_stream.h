// One stream of events, as gRPC's callback API has it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "client/src/connection.h"
#include "client/src/status.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd {
inline namespace client {

// Gets what comes on a stream, on gRPC's threads, one call at a time. Must not block.
class StreamListener {
 public:
  virtual ~StreamListener() = default;
  virtual void OnAcknowledged(const v1::Acknowledgement& acknowledgement) = 0;
  virtual void OnEvent(const v1::Event& event) = 0;
  // Last; nothing comes after it.
  virtual void OnStreamEnd(const absl::Status& status) = 0;
};

// The handle to a stream that is open; the stream keeps itself alive until its end.
class OpenStream {
 public:
  virtual ~OpenStream() = default;
  // Ends the stream; OnStreamEnd() follows.
  virtual void Close() = 0;
};

template <typename Request, typename Response>
class EventStream final : public OpenStream, public grpc::ClientReadReactor<Response> {
 public:
  using Method = void (Connection::Api::*)(grpc::ClientContext*, const Request*,
                                           grpc::ClientReadReactor<Response>*);

  EventStream(std::shared_ptr<Connection> connection, Request request,
              std::shared_ptr<StreamListener> listener)
      : connection_(std::move(connection)),
        request_(std::move(request)),
        listener_(std::move(listener)),
        context_(std::make_unique<grpc::ClientContext>()) {
    connection_->Stamp(request_);
  }

  // False when the connection is closing.
  bool Open(Method method, std::shared_ptr<EventStream> self) {
    if (!connection_->EnterStream(context_.get())) {
      return false;
    }
    self_ = std::move(self);
    (connection_->api().*method)(context_.get(), &request_, this);
    this->StartRead(&response_);
    this->StartCall();
    return true;
  }

  void Close() override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (context_ != nullptr) {
      context_->TryCancel();
    }
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      return;
    }
    if (response_.has_acknowledged()) {
      listener_->OnAcknowledged(response_.acknowledged());
    } else if (response_.has_event()) {
      listener_->OnEvent(response_.event());
    }
    this->StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    listener_->OnStreamEnd(FromGrpc(status));
    listener_.reset();
    grpc::ClientContext* const key = context_.get();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      context_.reset();
    }
    connection_->Leave(key);
    const std::shared_ptr<EventStream> last = std::move(self_);
  }

  const std::shared_ptr<Connection> connection_;
  Request request_;
  std::shared_ptr<StreamListener> listener_;
  std::mutex mutex_;
  std::unique_ptr<grpc::ClientContext> context_;  // reset, under mutex_, at the end
  Response response_;
  std::shared_ptr<EventStream> self_;
};

// Null when the connection is closing.
template <typename Request, typename Response>
std::shared_ptr<OpenStream> OpenEventStream(
    const std::shared_ptr<Connection>& connection,
    void (Connection::Api::*method)(grpc::ClientContext*, const Request*,
                                    grpc::ClientReadReactor<Response>*),
    Request request, std::shared_ptr<StreamListener> listener) {
  auto stream = std::make_shared<EventStream<Request, Response>>(connection, std::move(request),
                                                                 std::move(listener));
  return stream->Open(method, stream) ? stream : nullptr;
}

}  // namespace client
}  // namespace timerd
