// A Queues service whose Work streams do what a test tells them to. It knows no queue; the test
// plays the server.
#pragma once

#include <condition_variable>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "grpcpp/server.h"
#include "timerd/v1/queues.grpc.pb.h"

namespace timerd::testing {

// A lease of `lease_time` from second 1000 on.
v1::Occurrence MakeOccurrence(const std::string& id, uint64_t lease, uint32_t attempt = 1,
                              absl::Duration lease_time = absl::Hours(1));
v1::StatusDetails SettledError(grpc::StatusCode code, const std::string& reason);

// One Work stream. Thread-safe. What waits throws, which fails the test, after 10 s.
class FakeWork final : public grpc::ServerBidiReactor<v1::WorkRequest, v1::WorkResponse>,
                       public std::enable_shared_from_this<FakeWork> {
 public:
  void Begin();

  // Waits for `register`, and answers it.
  v1::WorkRequest::Register Join();
  // The same, unanswered.
  v1::WorkRequest::Register Registration();
  void Deliver(const v1::Occurrence& occurrence);
  void Revoke(const v1::Occurrence& occurrence);
  void Send(const v1::WorkResponse& response);
  // The next settlement that came. Verdicts wait for Answer() or Refuse().
  v1::Settlement NextVerdict();
  v1::Settlement NextExtension();
  // Extensions are answered as they come, unless one of these says otherwise.
  void RefuseExtensions(grpc::StatusCode code, const std::string& reason);
  void HoldExtensions();
  // True if no verdict has come that was not taken.
  bool Quiet();
  void Answer(const v1::Settlement& settlement);
  void Refuse(const v1::Settlement& settlement, grpc::StatusCode code, const std::string& reason);
  // Waits for `drain`, and answers it.
  void Drain();
  // The same, unanswered.
  void WaitForDrain();
  // Breaks or closes it.
  void End(const grpc::Status& status);
  // Waits until the client has closed or cancelled it.
  void WaitUntilClosed();

 private:
  template <typename Condition>
  void WaitLocked(std::unique_lock<std::mutex>& lock, const std::string& what,
                  const Condition& condition);
  void SendLocked(const v1::WorkResponse& response);
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  v1::WorkRequest request_;
  std::shared_ptr<FakeWork> self_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // All guarded by mutex_.
  std::deque<v1::WorkRequest::Register> registrations_;
  std::deque<v1::Settlement> verdicts_;
  std::deque<v1::Settlement> extensions_;
  std::optional<v1::StatusDetails> refusal_;  // of extensions
  bool hold_ = false;                         // extensions
  std::list<v1::WorkResponse> responses_;     // the first is being written
  bool drain_ = false;
  bool closed_ = false;
  bool ended_ = false;
};

class FakeQueues final : public v1::Queues::WithCallbackMethod_Work<v1::Queues::Service> {
 public:
  FakeQueues();
  ~FakeQueues() override;

  std::string target() const;
  // Ends all streams in UNAVAILABLE and listens no more; Listen() takes the same port again.
  void Shutdown();
  void Listen();

  // The next stream; throws if none comes in 10 s.
  std::shared_ptr<FakeWork> NextStream();

 private:
  grpc::ServerBidiReactor<v1::WorkRequest, v1::WorkResponse>* Work(
      grpc::CallbackServerContext* context) override;

  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<FakeWork>> arrived_;  // guarded by mutex_
  std::list<std::weak_ptr<FakeWork>> all_;         // guarded by mutex_
};

}  // namespace timerd::testing
