// Shards whose time stands still until it is told to go on, all on one thread.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "server/base/mutex.h"
#include "server/clock/waker.h"
#include "server/reactor/inbox.h"
#include "server/reactor/recovery.h"
#include "server/reactor/shard.h"
#include "server/store/shard_log.h"

namespace timerd::reactor {

struct ManualReactorOptions {
  size_t max_inbox = 65'536;
  // Deadlines that one Advance fires before it gives up, so that no typing error stops the server.
  uint64_t max_advance_firings = 1'000'000;
};

// A turn takes what waits in the inbox and executes it in order, each command on its shard at the
// time of that shard; what it changes is then written down, applied, and answered. Advance is
// executed like any other command, so that all others come before it or after it.
class ManualReactor {
 public:
  explicit ManualReactor(const ManualReactorOptions& options);
  // Executes what has been posted and joins. Nobody may post any more.
  ~ManualReactor();

  // A shard that begins at `now`. Any thread. What is referred to outlives the reactor; the port
  // lives as long as the reactor does.
  CommandPort& Add(const ShardOptions& options, const Recovered& recovered, Instant now,
                   store::ShardLog& log, store::StateStore& state, EventSink& sink);

 private:
  class Unit;
  using Item = std::pair<Unit*, Command>;

  void Post(Unit* unit, Command command, bool always);
  void Loop();
  void Turn(std::vector<Item> items);

  const ManualReactorOptions options_;
  clock::Waker waker_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Unit>> units_ ABSL_GUARDED_BY(mutex_);
  std::vector<Item> inbox_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace timerd::reactor
