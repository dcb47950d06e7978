#include "tests/bench/process_stats.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace timerd::bench {
namespace {

// Fields 14 and 15 of a file /proc/.../stat; the second field, a name, may have spaces.
double CpuSecondsIn(const std::string& path) {
  std::ifstream stat(path);
  const std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) {
    return 0;
  }
  std::istringstream fields(text.substr(name_end + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) {
    fields >> skipped;
  }
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

double RssMib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) {
      return std::atof(line.c_str() + 6) / 1024;
    }
  }
  return 0;
}

double CpuSeconds(pid_t pid) { return CpuSecondsIn("/proc/" + std::to_string(pid) + "/stat"); }

std::map<pid_t, double> CpuSecondsOfThreads(pid_t pid) {
  std::map<pid_t, double> seconds;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    seconds[std::atoi(task.path().filename().c_str())] = CpuSecondsIn(task.path() / "stat");
  }
  return seconds;
}

uint64_t DiskBytes(const std::string& directory) {
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    struct stat about {};
    if (stat(file.path().c_str(), &about) == 0) {
      bytes += static_cast<uint64_t>(about.st_blocks) * 512;
    }
  }
  return bytes;
}

}  // namespace timerd::bench
