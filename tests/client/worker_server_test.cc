// Worker and Watcher against a real server that is killed meanwhile.
#include <map>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"
#include "tests/support/api_client.h"
#include "tests/support/server_process.h"
#include "timerd/watcher.h"
#include "timerd/worker.h"

namespace timerd::testing {
namespace {

constexpr int kTimers = 2000;
constexpr absl::Duration kPatience = absl::Seconds(60);

class WorkerServerTest : public ::testing::Test {
 protected:
  WorkerServerTest() : server_({.flags = {"--lease-grace=200ms"}}) {
    options_.target = server_.address();
    options_.backoff_min = absl::Milliseconds(10);
    options_.backoff_max = absl::Milliseconds(100);
  }

  void Schedule(int first, int count) {
    v1::BatchRequest batch;
    for (int i = first; i < first + count; ++i) {
      v1::ScheduleRequest& request = *batch.add_items()->mutable_schedule();
      request.set_id(absl::StrCat("t", i));
      request.set_queue("mail");
      request.set_payload(absl::StrCat("for ", i));
      request.mutable_delay()->set_nanos(i * 100'000);
      request.mutable_lease()->set_seconds(2);
      request.mutable_retry()->mutable_initial_backoff()->set_nanos(20'000'000);
    }
    const auto answer = ApiClient(server_.address()).Batch(batch);
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  }

  ServerProcess server_;
  ClientOptions options_;
};

TEST_F(WorkerServerTest, CarriesOutEachRunOnceWhileTheServerIsKilled) {
  Client client(options_);
  absl::Mutex mutex;
  std::map<std::string, int> carried_out;
  std::map<std::string, int> ended;
  Watcher watcher(client, {.queue = "", .from_oldest = true}, [&](const WatchedItem& item) {
    const absl::MutexLock lock(&mutex);
    EXPECT_FALSE(item.gap.has_value());
    if (item.event && item.event->type() == v1::Event::TYPE_COMPLETED) {
      EXPECT_EQ(item.event->payload(), absl::StrCat("did ", item.event->id()));
      ++ended[item.event->id()];
    }
  });
  Worker worker(client, {.queue = "mail", .name = "test", .concurrency = 4, .prefetch = 50},
                [&](const WorkRun& run) -> WorkResult {
                  const absl::MutexLock lock(&mutex);
                  ++carried_out[run.id()];
                  return absl::StrCat("did ", run.id());
                });
  const auto count_reaches = [&](int count) {
    const absl::MutexLock lock(&mutex);
    const auto reached = [&] { return ended.size() >= static_cast<size_t>(count); };
    return mutex.AwaitWithTimeout(absl::Condition(&reached), kPatience);
  };
  Schedule(0, kTimers / 2);
  ASSERT_TRUE(count_reaches(kTimers / 10));
  server_.Kill();
  server_.Restart();
  Schedule(kTimers / 2, kTimers / 2);
  ASSERT_TRUE(count_reaches(kTimers / 2 + kTimers / 10));
  server_.Kill();
  server_.Restart();
  ASSERT_TRUE(count_reaches(kTimers));
  EXPECT_TRUE(worker.Stop(absl::Seconds(20)));
  watcher.Stop();
  const absl::MutexLock lock(&mutex);
  ASSERT_EQ(carried_out.size(), static_cast<size_t>(kTimers));
  for (const auto& [id, times] : carried_out) {
    EXPECT_EQ(times, 1) << id;
    EXPECT_EQ(ended[id], 1) << id;
  }
}

TEST_F(WorkerServerTest, GivesBackWhatHasNotBegunWhenItStops) {
  Client client(options_);
  absl::Mutex mutex;
  int begun = 0;
  bool go_on = false;
  Worker worker(client, {.queue = "mail", .concurrency = 1, .prefetch = 10},
                [&](const WorkRun&) -> WorkResult {
                  const absl::MutexLock lock(&mutex);
                  ++begun;
                  mutex.AwaitWithTimeout(absl::Condition(&go_on), kPatience);
                  return "done";
                });
  Schedule(0, 5);
  ApiClient api(server_.address());
  const absl::Time deadline = absl::Now() + kPatience;
  while (api.GetQueue("queue: 'mail'")->queue().in_flight() < 5) {
    ASSERT_LT(absl::Now(), deadline);
    absl::SleepFor(absl::Milliseconds(5));
  }
  {
    // In flight by the server's count is not yet at the worker.
    const absl::MutexLock lock(&mutex);
    const auto one_runs = [&] { return begun == 1; };
    ASSERT_TRUE(mutex.AwaitWithDeadline(absl::Condition(&one_runs), deadline));
  }
  std::thread stopping([&] { EXPECT_TRUE(worker.Stop(kPatience)); });
  while (api.GetQueue("queue: 'mail'")->queue().depth() < 4) {
    ASSERT_LT(absl::Now(), deadline);
    absl::SleepFor(absl::Milliseconds(5));
  }
  {
    const absl::MutexLock lock(&mutex);
    EXPECT_EQ(begun, 1);
    go_on = true;
  }
  stopping.join();
  EXPECT_EQ(api.GetQueue("queue: 'mail'")->queue().in_flight(), 0u);
  while (api.GetQueue("queue: 'mail'")->queue().worker_count() > 0) {
    ASSERT_LT(absl::Now(), deadline) << "its stream is still open";
    absl::SleepFor(absl::Milliseconds(5));
  }
}

}  // namespace
}  // namespace timerd::testing
