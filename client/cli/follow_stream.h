// What is the same for every stream that is followed.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "client/cli/interrupt.h"
#include "client/cli/session.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"

namespace timerd::cli {

struct StreamEnd {
  grpc::Status status;
  int signal = 0;          // That came while the stream was open, or 0.
  bool timed_out = false;  // The server had not been heard of in time.
};

// Calls in the session's namespace, and hands over each response until the stream ends or a signal
// comes. REQUIRES: BlockInterrupts() was called.
template <typename Response, typename Request, typename OnResponse>
StreamEnd FollowStream(Session& session,
                       std::unique_ptr<grpc::ClientReader<Response>> (v1::Timers::Stub::*method)(
                           grpc::ClientContext*, const Request&),
                       Request request, const OnResponse& on_response) {
  grpc::ClientContext context;
  Interrupt interrupt(context, session.options().timeout);
  request.set_namespace_(session.options().namespace_name);
  const auto reader = (session.stub<v1::Timers::Stub>().*method)(&context, request);
  Response response;
  while (reader->Read(&response)) {
    interrupt.OnAnswer();
    on_response(response);
  }
  return {reader->Finish(), interrupt.signal(), interrupt.timed_out()};
}

// How to go on with what was followed, for people.
struct GoOn {
  std::string command;         // Empty when the server had not answered.
  absl::string_view detached;  // Said before it after a signal,
  absl::string_view broken;    // and after the loss of the stream.
};

// Tells why a stream has ended other than by itself; returns the exit code. REQUIRES: the status of
// `end` is not OK.
int ToldOf(const StreamEnd& end, const GoOn& go_on, Session& session);

}  // namespace timerd::cli
