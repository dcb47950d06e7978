// A shard as the edge sees it: it keeps what is posted to it, and answers when it is told to.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/base/check.h"
#include "server/service/router.h"

namespace timerd::service {

// Thread-safe.
class FakePort final : public reactor::CommandPort {
 public:
  void Post(reactor::Command command) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    posted_.push_back(std::move(command));
    arrived_.notify_all();
  }
  void PostAlways(reactor::Command command) override { Post(std::move(command)); }

  // Waits for the first command posted that has not been taken. REQUIRES: it is one.
  template <typename T>
  T Take() {
    std::unique_lock<std::mutex> lock(mutex_);
    TIMERD_CHECK(
        arrived_.wait_for(lock, std::chrono::seconds(20), [&] { return !posted_.empty(); }));
    reactor::Command command = std::move(posted_.front());
    posted_.pop_front();
    return std::get<T>(std::move(command));
  }
  // How many there are to take.
  size_t size() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return posted_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<reactor::Command> posted_;
};

// One shard for everything, or a refusal.
class FakeRouter final : public Router {
 public:
  absl::StatusOr<ShardPort> For(absl::string_view key) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    asked_.emplace_back(key);
    return refusal.ok() ? absl::StatusOr<ShardPort>(ShardPort{&port, &attachments}) : refusal;
  }
  absl::StatusOr<std::vector<ShardPort>> AllOf(absl::string_view) override {
    return std::vector<ShardPort>{{&port, &attachments}};
  }
  // The keys that it was asked for.
  std::vector<std::string> asked() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return asked_;
  }

  FakePort port;
  delivery::Attachments attachments;
  absl::Status refusal;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
};

}  // namespace timerd::service
