// One RPC that is asked again until it is answered.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "client/src/connection.h"
#include "client/src/status.h"

namespace timerd {
inline namespace client {

template <typename Response>
struct Answer {
  absl::Status status;
  Response response;
  // How often it was asked. When above 1, an earlier try may have done what was asked.
  int tries = 1;
};

enum class Retry { kUntilAnswered, kNever };

template <typename Request, typename Response>
class Call : public std::enable_shared_from_this<Call<Request, Response>> {
 public:
  using Method = void (Connection::Api::*)(grpc::ClientContext*, const Request*, Response*,
                                           std::function<void(grpc::Status)>);
  using Prepare = std::function<void(Request&)>;
  using OnAnswer = std::function<void(const Answer<Response>&)>;

  Call(std::shared_ptr<Connection> connection, Method method, Request request, Retry retry,
       Prepare prepare, OnAnswer on_answer)
      : connection_(std::move(connection)),
        method_(method),
        retry_(retry),
        prepare_(std::move(prepare)),
        on_answer_(std::move(on_answer)),
        backoff_(connection_->NewBackoff()),
        request_(std::move(request)) {
    connection_->Stamp(request_);
  }

  void Try() {
    if (prepare_ != nullptr) {
      prepare_(request_);
    }
    context_ = std::make_unique<grpc::ClientContext>();
    if (!connection_->EnterUnary(context_.get())) {
      answer_.status = ClosedStatus();
      on_answer_(answer_);
      return;
    }
    (connection_->api().*method_)(
        context_.get(), &request_, &answer_.response,
        [self = this->shared_from_this()](const grpc::Status& status) { self->OnStatus(status); });
  }

 private:
  void OnStatus(const grpc::Status& status) {
    std::unique_ptr<grpc::ClientContext> context = std::move(context_);
    answer_.status = FromGrpc(status);
    if (IsTransient(answer_.status.code()) && connection_->closing()) {
      answer_.status = ClosedStatus();
      on_answer_(answer_);
    } else if (retry_ == Retry::kUntilAnswered && IsTransient(answer_.status.code())) {
      connection_->timer().After(backoff_.Next(), [self = this->shared_from_this()] {
        if (self->connection_->closing()) {
          self->answer_.status = ClosedStatus();
          self->on_answer_(self->answer_);
        } else {
          ++self->answer_.tries;
          self->Try();
        }
      });
    } else {
      on_answer_(answer_);
    }
    // Last, so that whoever waits for the calls to end finds the answer handled.
    grpc::ClientContext* const key = context.get();
    context.reset();
    connection_->Leave(key);
  }

  const std::shared_ptr<Connection> connection_;
  const Activity::Scope until_answered_{connection_->activity()};
  const Method method_;
  const Retry retry_;
  const Prepare prepare_;
  const OnAnswer on_answer_;
  Backoff backoff_;
  Request request_;
  std::unique_ptr<grpc::ClientContext> context_;
  Answer<Response> answer_;
};

// Asks, again after transient failures if `retry` says so, and calls `on_answer` once with the
// answer, on a thread that must not block. `prepare` is called before each try.
template <typename Request, typename Response>
void Ask(std::shared_ptr<Connection> connection,
         void (Connection::Api::*method)(grpc::ClientContext*, const Request*, Response*,
                                         std::function<void(grpc::Status)>),
         Request request, std::function<void(const Answer<Response>&)> on_answer,
         Retry retry = Retry::kUntilAnswered, std::function<void(Request&)> prepare = nullptr) {
  std::make_shared<Call<Request, Response>>(std::move(connection), method, std::move(request),
                                            retry, std::move(prepare), std::move(on_answer))
      ->Try();
}

}  // namespace client
}  // namespace timerd
