// One Work stream, as gRPC's callback API has it.
#pragma once

#include <memory>
#include <mutex>

#include "client/src/connection.h"
#include "timerd/v1/queues.grpc.pb.h"

namespace timerd {
inline namespace client {

// Called on gRPC's threads. Must not block.
class WorkStreamListener {
 public:
  virtual ~WorkStreamListener() = default;
  virtual void OnResponse(v1::WorkResponse& response) = 0;
  // What was written last is on its way; the next may be written.
  virtual void OnWritten() = 0;
  // Nothing may be written any more; a Write() that was announced before is harmless.
  virtual void OnBroken() = 0;
  // Last; nothing comes after it.
  virtual void OnStreamEnd(absl::Status status) = 0;
};

// Keeps itself and its listener alive until its end.
class WorkStream final : public grpc::ClientBidiReactor<v1::WorkRequest, v1::WorkResponse> {
 public:
  // Null when the connection is closing.
  static std::shared_ptr<WorkStream> Open(std::shared_ptr<Connection> connection,
                                          std::shared_ptr<WorkStreamListener> listener);

  // Write() and FinishWrites() are called without locks, where OnBroken() may come in between. So
  // they are announced first, under the lock that OnBroken() takes.
  void AnnounceWrite() { AddHold(); }
  // One at a time.
  void Write(std::shared_ptr<const v1::WorkRequest> request);
  void FinishWrites();
  // Ends the stream; OnStreamEnd() follows.
  void Cancel();

 private:
  WorkStream(std::shared_ptr<Connection> connection, std::shared_ptr<WorkStreamListener> listener);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  const std::shared_ptr<Connection> connection_;
  std::shared_ptr<WorkStreamListener> listener_;
  v1::WorkResponse response_;
  std::shared_ptr<const v1::WorkRequest> request_;
  std::shared_ptr<WorkStream> self_;
  std::mutex mutex_;
  std::unique_ptr<grpc::ClientContext> context_;  // reset, under mutex_, at the end
};

}  // namespace client
}  // namespace timerd
