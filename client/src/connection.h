// What the handles of one client share: the channel, the threads, and the way to close them all.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "client/src/activity.h"
#include "client/src/callback_pool.h"
#include "client/src/retry_timer.h"
#include "grpcpp/client_context.h"
#include "timerd/client.h"
#include "timerd/v1/queues.grpc.pb.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd {
inline namespace client {

class Submitter;

// Thread-safe. Lives as long as the client or any handle that refers to it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Api = v1::Timers::StubInterface::async_interface;
  using QueuesApi = v1::Queues::StubInterface::async_interface;

  explicit Connection(ClientOptions options);
  // REQUIRES: Close() was called.
  ~Connection();

  // See ~Client().
  void Close();
  bool closing() const;

  Api& api() { return *stub_->async(); }
  QueuesApi& queues_api() { return *queues_stub_->async(); }
  RetryTimer& timer() { return timer_; }
  Activity& activity() { return activity_; }
  Submitter& submitter() { return *submitter_; }
  Backoff NewBackoff() const { return Backoff(options_.backoff_min, options_.backoff_max); }
  // Every request names the namespace.
  template <typename Request>
  void Stamp(Request& request) const {
    request.set_namespace_(options_.name_space);
  }
  // 128 random bits as text, behind the prefix.
  std::string NewId() const;
  // An idempotency key: unlike any other that requests for the same id carry.
  std::string NewKey() const;
  // Makes a creation safe to send again while it is not known whether it has arrived; returns its
  // id. An id made here is this request's alone. One of the caller's choice may be an older
  // handle's as well, from which the key tells it.
  template <typename Request>
  std::string Name(Request& request, const std::string& chosen_id) const {
    request.set_id(chosen_id.empty() ? NewId() : chosen_id);
    if (!chosen_id.empty() || request.replace()) {
      request.set_idempotency_key(NewKey());
    }
    return request.id();
  }

  // Runs on the callback threads, unless the connection is gone.
  void Post(std::function<void()> function) { pool_.Post(std::move(function)); }
  template <typename T>
  Promise<T> NewPromise() {
    return Promise<T>([weak = weak_from_this()](std::function<void()> callback) {
      if (auto connection = weak.lock(); connection != nullptr) {
        connection->Post(std::move(callback));
      } else {
        callback();
      }
    });
  }

  // Keeps a handle alive, though nobody else may refer to it, until it is released. False when
  // closing.
  bool Adopt(std::shared_ptr<HandleCore> core);
  void Release(HandleCore* core);
  std::vector<std::shared_ptr<HandleCore>> adopted() const;

  // Every RPC is entered before it starts and left when gRPC is done with it, so that closing can
  // cancel it and wait for it. False when it must not start: streams while closing, unary calls,
  // which get the grace as their RPC deadline while closing, after it. A context is destroyed
  // before it is left (it serves as a mere key then), as it shares the channel.
  bool EnterUnary(grpc::ClientContext* context);
  bool EnterStream(grpc::ClientContext* context);
  void Leave(grpc::ClientContext* context);

 private:
  Connection(ClientOptions options, const std::shared_ptr<grpc::Channel>& channel);

  const ClientOptions options_;
  // Null once closed: the last reference to a channel must not be dropped on one of gRPC's own
  // threads, which the channel's end waits for. Used between Enter and Leave only.
  std::unique_ptr<v1::Timers::Stub> stub_;
  std::unique_ptr<v1::Queues::Stub> queues_stub_;
  Activity activity_;
  CallbackPool pool_;
  RetryTimer timer_;
  const std::shared_ptr<Submitter> submitter_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closing_ = false;                                      // guarded by mutex_
  bool closed_ = false;                                       // guarded by mutex_
  std::map<HandleCore*, std::shared_ptr<HandleCore>> cores_;  // guarded by mutex_
  std::set<grpc::ClientContext*> calls_;                      // guarded by mutex_
};

}  // namespace client
}  // namespace timerd
