// What a timerd process costs and how late it is: a real server, started and killed by this
// program, with the load on the same machine. Prints figures, asserts nothing.
//
//   service_bench [timers]      how many timers to keep pending; 1,000,000 if not said
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include "tests/bench/load.h"
#include "tests/support/server_process.h"

namespace timerd::bench {
namespace {

using ::timerd::testing::ServerProcess;
using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// User and system time of a process, in seconds.
double CpuSeconds(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
  std::istringstream fields(text.substr(text.rfind(')') + 2));  // from field 3 on
  std::string skipped;
  double user = 0;
  double system = 0;
  for (int field = 3; field < 14; ++field) {
    fields >> skipped;
  }
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double RssMib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.rfind("VmRSS:", 0) == 0) {
      return std::atof(line.c_str() + 6) / 1024;
    }
  }
  return 0;
}

void PrintFigure(const char* name, double value, const char* unit) {
  std::printf("%-44s %12.2f %s\n", name, value, unit);
  std::fflush(stdout);
}

void PrintIdle(ServerProcess& server, const char* name) {
  // What the load left behind - flushes, compactions - is over first.
  std::this_thread::sleep_for(std::chrono::seconds(5));
  const double before = CpuSeconds(server.pid());
  const Clock::time_point start = Clock::now();
  std::this_thread::sleep_for(std::chrono::seconds(20));
  PrintFigure(name, 100 * (CpuSeconds(server.pid()) - before) / SecondsSince(start), "% of a core");
}

void PrintSamples(const char* name, Samples& samples) {
  for (const auto& [suffix, fraction] :
       {std::pair("p50", 0.5), {"p99", 0.99}, {"p999", 0.999}, {"max", 1.0}}) {
    PrintFigure((std::string(name) + "_" + suffix + "_us").c_str(), samples.Percentile(fraction),
                "us");
  }
}

void Lateness(size_t per_second) {
  ServerProcess server;
  LatenessResult result = MeasureLateness(server.address(), per_second, 20);
  PrintFigure("lateness.fires_per_s", static_cast<double>(per_second), "/s");
  PrintFigure("lateness.early", static_cast<double>(result.early), "");
  PrintFigure("lateness.lost", static_cast<double>(result.lost), "");
  if (result.failed > 0) {
    std::printf("%zu calls failed: %s\n", result.failed, result.error.c_str());
  }
  PrintSamples("lateness.decided", result.decided);
  PrintSamples("lateness.delivered", result.delivered);
}

// Timers due from `from_s` to `to_s` seconds from now.
void Pending(const char* name, size_t timers, double from_s, double to_s) {
  const std::string prefix = std::string(name) + ".";
  const auto print = [&prefix](const char* figure, double value, const char* unit) {
    PrintFigure((prefix + figure).c_str(), value, unit);
  };
  ServerProcess server;
  print("empty_rss_mib", RssMib(server.pid()), "MiB");
  const size_t first = timers < 100'000 ? timers : 100'000;
  FillResult filled = Fill(server.address(), first, from_s, to_s, 64, 512, 4);
  PrintIdle(server, (prefix + "idle_cpu_at_100k").c_str());
  const FillResult rest = Fill(server.address(), timers - first, from_s, to_s, 64, 512, 4);
  filled.seconds += rest.seconds;
  filled.failed += rest.failed;
  print("timers", static_cast<double>(timers), "");
  print("failed", static_cast<double>(filled.failed), "");
  print("schedule_per_s", static_cast<double>(timers) / filled.seconds, "/s");
  print("rss_mib", RssMib(server.pid()), "MiB");
  PrintIdle(server, (prefix + "idle_cpu").c_str());
  server.Kill();
  const Clock::time_point start = Clock::now();
  server.Restart();
  print("restart_after_kill_s", SecondsSince(start), "s");
  std::this_thread::sleep_for(std::chrono::seconds(5));
  print("rss_after_restart_mib", RssMib(server.pid()), "MiB");
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  const size_t timers = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  timerd::bench::Lateness(1'000);
  timerd::bench::Pending("pending.next_hours", timers, 1200, 10'800);
  timerd::bench::Pending("pending.next_minutes", timers, 400, 590);
}
