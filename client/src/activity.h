// What is under way in one client: counted, so that a test can wait until nothing is.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

#include "absl/time/time.h"

namespace timerd {
inline namespace client {

// Thread-safe. Counted are calls until they are answered, handles until they are acknowledged,
// events while they are taken in, and functions from when they are to run until they have; but not
// the operation of a task, which may wait for anything.
class Activity {
 public:
  // One thing that is under way, from construction to destruction.
  class Scope {
   public:
    explicit Scope(Activity& activity) : activity_(&activity) { activity_->Begin(); }
    Scope(Scope&& other) noexcept : activity_(std::exchange(other.activity_, nullptr)) {}
    Scope& operator=(Scope&&) = delete;
    ~Scope() {
      if (activity_ != nullptr) {
        activity_->End();
      }
    }

   private:
    Activity* activity_;
  };

  void Begin();
  void End();
  // How many things have ever begun: unchanged, nothing has happened in between.
  uint64_t begun() const;
  // Blocks until nothing is under way and `also` holds, which is asked again whenever something has
  // ended; false when `until` comes first.
  bool WaitUntilQuiet(absl::Time until, const std::function<bool()>& also);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t begun_ = 0;  // guarded by mutex_
  uint64_t ended_ = 0;  // guarded by mutex_
};

}  // namespace client
}  // namespace timerd
