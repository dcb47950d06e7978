#include "client/cli/run.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/help.h"
#include "client/cli/interrupt.h"
#include "client/cli/requests.h"
#include "client/cli/session.h"
#include "client/cli/text.h"
#include "client/cli/verb_table.h"

namespace timerd::cli {
namespace {

// Without a port gRPC would quietly go to that of https.
absl::Status CheckServer(absl::string_view source, absl::string_view server) {
  const size_t colon = server.rfind(':');
  const bool has_host = colon != absl::string_view::npos && colon > 0;
  const bool has_port =
      has_host && colon + 1 < server.size() &&
      server.find_first_not_of("0123456789", colon + 1) == absl::string_view::npos;
  if (has_port || absl::StartsWith(server, "unix:")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      source, server, ": not HOST:PORT; write for example ", source, "127.0.0.1:7400"));
}

// Which names there may be is the server's to say. It takes an empty one for its default, so an
// empty flag, perhaps of a variable that is not set, would go to the wrong handles.
absl::Status SetNamespace(const Arguments& arguments, const Surroundings& surroundings,
                          Session::Options* options) {
  absl::string_view source = "TIMERD_NAMESPACE=";
  options->namespace_name = surroundings.namespace_name;
  if (arguments.Has("namespace")) {
    source = "--namespace=";
    options->namespace_name = std::string(arguments.Value("namespace"));
    if (options->namespace_name.empty()) {
      return absl::InvalidArgumentError(
          "--namespace= is empty; write --namespace=NAME or leave it out");
    }
    absl::StrAppend(&options->command, " --namespace=", ShellWord(options->namespace_name));
  }
  if (!IsUtf8(options->namespace_name)) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": not UTF-8; a namespace has a-z, 0-9, '-', '_' and '.'"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Session::Options> SessionOptions(const Arguments& arguments,
                                                const Surroundings& surroundings) {
  Session::Options options;
  absl::Status checked;
  if (arguments.Has("server")) {
    options.server = std::string(arguments.Value("server"));
    absl::StrAppend(&options.command, " --server=", ShellWord(options.server));
    checked = CheckServer("--server=", options.server);
  } else if (!surroundings.server.empty()) {
    options.server = surroundings.server;
    checked = CheckServer("TIMERD_SERVER=", options.server);
  }
  if (!checked.ok()) {
    return checked;
  }
  const absl::Status named = SetNamespace(arguments, surroundings, &options);
  if (!named.ok()) {
    return named;
  }
  const absl::StatusOr<absl::Duration> timeout = AnswerTimeout(arguments);
  if (!timeout.ok()) {
    return timeout.status();
  }
  options.timeout = *timeout;
  options.json = arguments.Has("json");
  options.human = surroundings.human;
  return options;
}

absl::StatusOr<int> RunVerb(const Arguments& arguments, const Surroundings& surroundings,
                            std::ostream& out, std::ostream& err) {
  absl::StatusOr<Session::Options> options = SessionOptions(arguments, surroundings);
  if (!options.ok()) {
    return options.status();
  }
  if (arguments.verb()->follows) {
    BlockInterrupts();
  }
  Session session(*std::move(options), out, err);
  return arguments.verb()->run(arguments, session);
}

}  // namespace

int Run(absl::Span<const std::string> words, const Surroundings& surroundings, std::ostream& out,
        std::ostream& err) {
  const absl::StatusOr<Arguments> arguments = Arguments::Parse(words, AllVerbs(), GlobalFlags());
  if (!arguments.ok()) {
    err << "timerctl: " << arguments.status().message() << std::endl;
    return kUsage;
  }
  int code = kOk;
  if (arguments->Has("version")) {
    out << "timerctl " << TIMERD_VERSION << "\n";
  } else if (arguments->Has("help")) {
    out << (arguments->verb() == nullptr ? MainHelp(VerbGroups(), GlobalFlags())
                                         : VerbHelp(*arguments->verb(), GlobalFlags()));
  } else {
    const absl::StatusOr<int> ran = RunVerb(*arguments, surroundings, out, err);
    if (!ran.ok()) {
      err << "timerctl " << arguments->verb()->name << ": " << ran.status().message() << std::endl;
      return kUsage;
    }
    code = *ran;
  }
  if (!out.flush()) {
    err << "timerctl: the output could not be written" << std::endl;
    return code == kOk ? static_cast<int>(kOutputFailed) : code;
  }
  return code;
}

}  // namespace timerd::cli
