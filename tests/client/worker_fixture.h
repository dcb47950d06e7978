// A worker with a fake server behind it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_queues.h"
#include "tests/client/fake_timers.h"
#include "timerd/worker.h"

namespace timerd::testing {

using FakeWorkPtr = std::shared_ptr<FakeWork>;

inline const grpc::Status kConnectionLost(grpc::StatusCode::UNAVAILABLE, "connection lost");

// Holds handlers back until it is opened. Thread-safe.
class Gate {
 public:
  // For a handler: counts it in, and waits.
  void Pass() {
    std::unique_lock<std::mutex> lock(mutex_);
    ++entered_;
    changed_.notify_all();
    changed_.wait_for(lock, std::chrono::seconds(10), [this] { return open_ > 0; });
    --open_;
  }
  // True once `number` handlers have come; false after 10 s.
  bool WaitForEntries(int number) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10),
                             [this, number] { return entered_ >= number; });
  }
  int entered() {
    std::lock_guard<std::mutex> lock(mutex_);
    return entered_;
  }
  // Lets so many pass, now or later.
  void Open(int number = 1) {
    std::lock_guard<std::mutex> lock(mutex_);
    open_ += number;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int entered_ = 0;
  int open_ = 0;
};

class WorkerTest : public ::testing::Test {
 protected:
  static constexpr absl::Duration kPatience = absl::Seconds(10);

  static ClientOptions OptionsFor(const FakeQueues& server) {
    ClientOptions options;
    options.target = server.target();
    options.name_space = "shop";
    options.backoff_min = absl::Milliseconds(5);
    options.backoff_max = absl::Milliseconds(50);
    options.close_grace = absl::Milliseconds(20);
    return options;
  }

  static WorkerOptions Mail(int concurrency = 2, int prefetch = 0) {
    WorkerOptions options;
    options.queue = "mail";
    options.concurrency = concurrency;
    options.prefetch = prefetch;
    options.stop_grace = absl::Milliseconds(20);  // most tests leave something unanswered
    return options;
  }

  void Work(Worker::Handler handler, WorkerOptions options = Mail()) {
    worker_ = std::make_unique<Worker>(client_, std::move(options), std::move(handler));
  }
  // The next stream, joined.
  FakeWorkPtr Join() {
    FakeWorkPtr stream = server_.NextStream();
    stream->Join();
    return stream;
  }
  // A handler that returns `result` and counts.
  Worker::Handler Returning(WorkResult result) {
    return [this, result](const WorkRun&) {
      ++runs_;
      return result;
    };
  }
  // A handler that waits at gate_.
  Worker::Handler Gated() {
    return [this](const WorkRun& run) {
      gate_.Pass();
      ++runs_;
      return "done by attempt " + std::to_string(run.attempt());
    };
  }

  std::atomic<int> runs_ = 0;
  Gate gate_;
  FakeQueues server_;
  Client client_{OptionsFor(server_)};
  std::unique_ptr<Worker> worker_;
};

}  // namespace timerd::testing
