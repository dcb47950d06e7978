// What has to happen after a lock is let go.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace timerd {
inline namespace client {

// Declared before the lock guard, it runs, in order, what was added under the lock once the lock is
// let go: promises are kept and other objects called without one, so that what they call may call
// back.
class Effects {
 public:
  Effects() = default;
  ~Effects() {
    for (auto& effect : effects_) {
      effect();
    }
  }
  Effects(const Effects&) = delete;
  Effects& operator=(const Effects&) = delete;

  void Add(std::function<void()> effect) { effects_.push_back(std::move(effect)); }

 private:
  std::vector<std::function<void()>> effects_;
};

}  // namespace client
}  // namespace timerd
