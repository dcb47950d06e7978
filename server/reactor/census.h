// How many handles were live before this process began.
#pragma once

#include <atomic>
#include <thread>

#include "server/reactor/usage.h"
#include "server/store/state_store.h"

namespace timerd::reactor {

// A start reads the window, not the world; so the world is counted beside the work, on a thread
// that ends when it is done: about a second for a million handles.
class Census {
 public:
  // Adds the live handles that `state` has now to `usage`, some time later. What is applied to
  // `state` once the constructor has returned is not seen, and is for others to count.
  // `state` and `usage` outlive the census.
  Census(const store::StateStore& state, NamespaceUsage& usage);
  // Gives up if it is not done.
  ~Census();

 private:
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace timerd::reactor
