#include "client/cli/session.h"

#include <utility>

#include "client/cli/exit_code.h"
#include "client/cli/json.h"
#include "client/cli/rpc_error.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace timerd::cli {
namespace {

std::shared_ptr<grpc::Channel> Connect(const std::string& server) {
  grpc::ChannelArguments arguments;
  // A proxy for the web (http_proxy) does not lead to a timerd server, least of all on loopback.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A page of a list is as large as its payloads; the server bounds both.
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

Session::Session(Options options, std::ostream& out, std::ostream& err)
    : options_(std::move(options)),
      out_(out),
      err_(err),
      stub_(v1::Timers::NewStub(Connect(options_.server))) {}

void Session::Print(const google::protobuf::Message& message, absl::string_view text) {
  if (options_.json) {
    out_ << JsonLine(message) << std::endl;
  } else {
    out_ << text << std::flush;
  }
}

void Session::Complain(absl::string_view text) { err_ << "timerctl: " << text << std::endl; }

void Session::Hint(absl::string_view text) {
  if (!options_.json) {
    err_ << text << std::endl;
  }
}

int Session::Failed(const grpc::Status& status, bool answered) {
  Complain(Explain(status, {options_.server, options_.timeout, answered}));
  return ExitCodeOf(status.error_code());
}

}  // namespace timerd::cli
