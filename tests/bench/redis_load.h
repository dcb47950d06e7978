// A Redis that keeps timers in a sorted set, as much of a timer service as it is: each command on
// disk before it is answered.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "tests/bench/child.h"

namespace timerd::bench {

class RedisProcess {
 public:
  // Nothing when there is no redis-server on PATH.
  static std::unique_ptr<RedisProcess> Start();
  ~RedisProcess();
  int port() const { return port_; }

 private:
  RedisProcess(std::string directory, int port);

  const std::string directory_;
  const int port_;
  Child server_;
};

enum class RedisCommand { kZadd, kZpopmin };

// Commands per second over `seconds`: ZADD of new members of 64 bytes, or ZPOPMIN. Each of the
// connections sends 1,000 commands, waits for their answers, and sends the next. All on the
// caller's thread. Throws when Redis answers with an error. ZPOPMIN ends when the set is empty.
double RunRedis(const RedisProcess& redis, RedisCommand command, size_t connections,
                double seconds);

}  // namespace timerd::bench
