// How verbs that print one reply call the server.
#pragma once

#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/exit_code.h"
#include "client/cli/session.h"
#include "grpcpp/client_context.h"

namespace timerd::cli {

template <typename Stub, typename Request, typename Response>
using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);

// Waits for the answer as long as the session does, in the session's namespace.
template <typename Stub, typename Request, typename Response>
grpc::Status Call(Session& session, Method<Stub, Request, Response> method, Request request,
                  Response* reply) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + session.options().timeout));
  request.set_namespace_(session.options().namespace_name);
  return (session.stub<Stub>().*method)(&context, request, reply);
}

// Calls, then prints the reply as JSON or as `text(reply)` says.
template <typename Stub, typename Request, typename Response, typename Text>
int CallAndPrint(Session& session, Method<Stub, Request, Response> method, const Request& request,
                 const Text& text) {
  Response reply;
  const grpc::Status status = Call(session, method, request, &reply);
  if (!status.ok()) {
    return session.Failed(status);
  }
  session.Print(reply, text(reply));
  return kOk;
}

}  // namespace timerd::cli
