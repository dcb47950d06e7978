#include "client/src/bound.h"

#include <utility>

#include "client/src/event_stream.h"

namespace timerd {
inline namespace client {
namespace {

class BoundCall : public StreamListener, public std::enable_shared_from_this<BoundCall> {
 public:
  BoundCall(std::shared_ptr<Connection> connection, v1::WithTimeoutRequest request,
            Promise<absl::Status> armed)
      : connection_(std::move(connection)),
        request_(std::move(request)),
        armed_(std::move(armed)),
        backoff_(connection_->NewBackoff()) {}

  void Try() {
    if (OpenEventStream<v1::WithTimeoutRequest, v1::WithTimeoutResponse>(
            connection_, &Connection::Api::WithTimeout, request_, shared_from_this()) == nullptr) {
      armed_.Set(ClosedStatus());
    }
  }

 private:
  void OnAcknowledged(const v1::Acknowledgement&) override { armed_.Set(absl::OkStatus()); }

  void OnEvent(const v1::Event&) override {}

  void OnStreamEnd(const absl::Status& status) override {
    if (status.ok() || !IsTransient(status.code()) || armed_.future().ready()) {
      armed_.Set(status);
    } else {
      connection_->timer().After(backoff_.Next(), [self = shared_from_this()] { self->Try(); });
    }
  }

  const std::shared_ptr<Connection> connection_;
  const Activity::Scope until_armed_{connection_->activity()};
  const v1::WithTimeoutRequest request_;
  const Promise<absl::Status> armed_;
  Backoff backoff_;
};

}  // namespace

void Bound(std::shared_ptr<Connection> connection, v1::WithTimeoutRequest request,
           Promise<absl::Status> armed) {
  std::make_shared<BoundCall>(std::move(connection), std::move(request), std::move(armed))->Try();
}

}  // namespace client
}  // namespace timerd
