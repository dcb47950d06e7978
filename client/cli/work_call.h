// One Work stream.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "client/cli/session.h"
#include "grpcpp/client_context.h"
#include "timerd/v1/queues.grpc.pb.h"

namespace timerd::cli {

// What is said waits for a thread of the call's own to write it, so that who reads is never held up
// by a server that waits to be read.
class WorkCall {
 public:
  // `patient`: waits for a server that is away, rather than fail.
  WorkCall(Session& session, bool patient);
  // REQUIRES: Finish() was called.
  ~WorkCall();
  WorkCall(const WorkCall&) = delete;
  WorkCall& operator=(const WorkCall&) = delete;

  // From any thread. Nothing is said any more once the stream is lost.
  void Say(v1::WorkRequest request);
  // From any thread: nothing follows what was said.
  void EndOfSaying();
  void Cancel() { context_.TryCancel(); }

  // Waits for the next response; false at the end.
  bool Read(v1::WorkResponse* response) { return stream_->Read(response); }
  // REQUIRES: Read() has returned false.
  grpc::Status Finish();

 private:
  void WriteAll();

  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::WorkRequest, v1::WorkResponse>> stream_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::WorkRequest> outbox_;
  bool ended_ = false;  // saying
  bool lost_ = false;
  std::thread writer_;
};

}  // namespace timerd::cli
