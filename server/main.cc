// timerd: flags, signals, and the server between them.
#include <csignal>
#include <cstdio>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/health_check.h"
#include "server/options.h"
#include "server/server.h"

int main(int argc, char** argv) {
  const timerd::Parsed parsed = timerd::ParseOptions(argc, argv);
  if (parsed.exit_code >= 0) {
    return parsed.exit_code;
  }
  if (!parsed.options.check_health.empty()) {
    return timerd::CheckHealth(parsed.options.check_health);
  }

  // Blocked in every thread, so that the signals wait for sigwait() below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto server = timerd::Server::Start(parsed.options);
  if (!server.ok()) {
    timerd::LogError(server.status().message());
    return 1;
  }
  std::printf("timerd ready: grpc=%s http=%s data-dir=%s\n", (*server)->address().c_str(),
              (*server)->http_address().c_str(),
              parsed.options.durability == timerd::DurabilityMode::kNone
                  ? "(memory)"
                  : parsed.options.data_dir.c_str());
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  timerd::LogInfo(absl::StrCat(signal == SIGTERM ? "SIGTERM" : "SIGINT", ": draining"));
  (*server)->Drain();
  server->reset();
  timerd::LogInfo("stopped");
  return 0;
}
