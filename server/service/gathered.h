// Answers of several shards, gathered into one.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "server/base/mutex.h"

namespace timerd::service {

// Thread-safe. Waits for a number of answers, then calls `done` with OK or an error that one of
// them was.
class Gathered {
 public:
  using Done = std::function<void(const absl::Status&)>;

  // With none to wait for, `done` is called here.
  static std::shared_ptr<Gathered> Make(size_t count, Done done) {
    auto gathered = std::make_shared<Gathered>(count, std::move(done));
    if (count == 0) {
      gathered->done_(absl::OkStatus());
    }
    return gathered;
  }
  Gathered(size_t count, Done done) : done_(std::move(done)), missing_(count) {}

  // One more has come. `use` runs if it is no error, one at a time.
  template <typename Use>
  void Take(const absl::Status& status, Use use) {
    absl::Status end;
    {
      const MutexLock lock(mutex_);
      if (status.ok()) {
        use();
      } else {
        error_ = status;
      }
      if (--missing_ > 0) {
        return;
      }
      end = error_;
    }
    done_(end);
  }

 private:
  const Done done_;
  Mutex mutex_;
  size_t missing_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace timerd::service
