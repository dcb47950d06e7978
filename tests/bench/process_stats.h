// What a process costs, as /proc tells.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

namespace timerd::bench {

double RssMib(pid_t pid);
// User and system time so far, in seconds, to a hundredth.
double CpuSeconds(pid_t pid);
// The same of each thread that lives.
std::map<pid_t, double> CpuSecondsOfThreads(pid_t pid);
// What the files below a directory occupy.
uint64_t DiskBytes(const std::string& directory);

}  // namespace timerd::bench
