// Calls with one answer, a fixed number of them under way: as one client with that many waiting
// users would make them.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace timerd::bench {

struct CallLoad {
  std::string target;
  // "/package.Service/Method". A stream of answers will do when it has one only.
  std::string method;
  grpc::ByteBuffer request;
  size_t in_flight = 64;
  size_t connections = 2;
};

struct CallResult {
  double per_s = 0;
  // Of all calls; sorted.
  std::vector<double> latencies_us;
};

// Makes calls for `seconds`, after half a second that does not count. All on the caller's thread.
// Throws when a call fails.
CallResult RunCalls(const CallLoad& load, double seconds);

// Begins a call every so often, of each load in turn, until `over`, however long they take. Returns
// how long that was, in microseconds, sorted. All on the caller's thread. Throws when a call fails.
std::vector<double> RunPaced(const std::vector<CallLoad>& loads, std::chrono::milliseconds every,
                             const std::atomic<bool>& over);

}  // namespace timerd::bench
