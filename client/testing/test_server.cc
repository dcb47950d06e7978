#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/testing/child_process.h"
#include "timerd/testing.h"

namespace timerd {
inline namespace client {
namespace {

std::string Binary(const TestServerOptions& options) {
  if (!options.binary.empty()) {
    return options.binary;
  }
  const char* const given = std::getenv("TIMERD_BINARY");
  return given != nullptr && *given != '\0' ? given : "timerd";
}

// The value of `name` in a line of `name=value` pairs; empty if it is not there.
std::string ValueIn(const std::string& line, const std::string& name) {
  const std::string key = absl::StrCat(" ", name, "=");
  const size_t found = line.find(key);
  if (found == std::string::npos) {
    return "";
  }
  const size_t begin = found + key.size();
  return line.substr(begin, line.find(' ', begin) - begin);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TestServer>> TestServer::Start(TestServerOptions options) {
  std::vector<std::string> argv = {Binary(options), "--clock=manual", "--durability=none",
                                   "--listen=127.0.0.1:0", "--http=off"};
  argv.insert(argv.end(), options.flags.begin(), options.flags.end());
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ChildProcess::Start(argv);
  if (!process.ok()) {
    return process.status();
  }
  const std::string line = (*process)->ReadLine(options.ready_within);
  std::string address = ValueIn(line, "grpc");
  if (!absl::StartsWith(line, "timerd ready:") || address.empty()) {
    return absl::UnavailableError(absl::StrCat(
        argv[0], ": not ready within ", absl::FormatDuration(options.ready_within), "; it said \"",
        line, "\" and \"", (*process)->Errors(),
        "\"; name a timerd that knows --clock=manual in TestServerOptions::binary, in the "
        "environment variable TIMERD_BINARY, or by PATH"));
  }
  return std::unique_ptr<TestServer>(new TestServer(*std::move(process), std::move(address)));
}

TestServer::TestServer(std::unique_ptr<ChildProcess> process, std::string address)
    : process_(std::move(process)), address_(std::move(address)) {}

TestServer::~TestServer() = default;

std::string TestServer::Log() const { return process_->Errors(); }

}  // namespace client
}  // namespace timerd
