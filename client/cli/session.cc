#include "client/cli/session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "client/cli/json.h"
#include "client/cli/rpc_error.h"
#include "client/cli/text.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace timerd::cli {
namespace {

std::shared_ptr<grpc::Channel> Connect(const std::string& server) {
  grpc::ChannelArguments arguments;
  // A proxy for the web (http_proxy) does not lead to a timerd server, least of all on loopback.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // The other side may vanish without a word, while a stream waits: noticed within 8 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 5'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A worker that has lost its server looks for it as often after an hour as at once.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  // A page of a list is as large as its payloads; the server bounds both.
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

Session::Session(Options options, std::ostream& out, std::ostream& err)
    : options_(std::move(options)), out_(out), err_(err) {
  const std::shared_ptr<grpc::Channel> channel = Connect(options_.server);
  stubs_ = {v1::Timers::NewStub(channel), v1::Clock::NewStub(channel),
            v1::Queues::NewStub(channel)};
}

void Session::Print(const google::protobuf::Message& message, absl::string_view text) {
  PrintLine(options_.json ? JsonLine(message) : "", text);
}

void Session::PrintLine(absl::string_view json, absl::string_view text) {
  if (options_.json) {
    out_ << json << std::endl;
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

void Session::HintReport(absl::string_view id, uint64_t run) {
  Hint(absl::StrCat("  waits for: ", options_.command, " report ", ShellWord(id), " --run=", run,
                    " --success (or --failure)"));
}

int Session::Failed(const grpc::Status& status, bool answered) {
  Complain(Explain(status, {options_.server, options_.timeout, answered}));
  return ExitCodeOf(status.error_code());
}

}  // namespace timerd::cli
