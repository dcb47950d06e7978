// SIGTERM: new work is refused, streams end without an end event, replies in flight are given, and
// nothing is lost.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "tests/integration/server_test.h"

namespace timerd::testing {
namespace {

constexpr auto kUnavailable = grpc::StatusCode::UNAVAILABLE;

class DrainTest : public ServerTest {
 protected:
  void SetUp() override { StartServer(); }
  // SIGTERM; the server must exit with 0 within 5 s.
  void Terminate() {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(server().Terminate(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  }
};

TEST_F(DrainTest, EndsOpenStreamsWithoutAnEndEventAndKeepsTheirTimers) {
  auto timer = client().Schedule("id: 'timer' delay { seconds: 3600 }");
  const int64_t deadline = Nanos(timer.Acknowledged().deadline());
  auto loop = client().StartLoop("id: 'loop' interval { seconds: 3600 } start_now: true");
  loop.Acknowledged();
  EXPECT_EQ(loop.Event().run(), 1);
  Terminate();
  EXPECT_FALSE(timer.Next());
  EXPECT_THAT(timer.Finish(), IsRefusedWith(kUnavailable, "SHUTTING_DOWN"));
  EXPECT_FALSE(loop.Next());
  EXPECT_THAT(loop.Finish(), IsRefusedWith(kUnavailable, "SHUTTING_DOWN"));

  Restart();
  EXPECT_EQ(Get("timer").state(), v1::STATE_PENDING);
  EXPECT_EQ(Nanos(Get("timer").deadline()), deadline);
  EXPECT_EQ(Get("loop").state(), v1::STATE_RUNNING);
  auto told_again = client().Watch("id: 'loop'");
  told_again.Acknowledged();
  const v1::Event tick = told_again.Event();
  EXPECT_EQ(tick.run(), 1);
  EXPECT_TRUE(tick.redelivery());
}

TEST_F(DrainTest, AnswersWhatIsInFlightAndRefusesTheRest) {
  constexpr int kThreads = 4;
  std::mutex mutex;
  std::set<std::string> acknowledged;
  std::atomic<int> refused{0};
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0;; ++i) {
        v1::ScheduleRequest request;
        request.set_id(std::to_string(thread) + "-" + std::to_string(i));
        request.mutable_delay()->set_seconds(3600);
        request.set_detached(true);
        auto stream = client().Schedule(request);
        const bool answered = stream.Next().has_value();
        const grpc::Status status = stream.Finish();
        if (answered) {
          ++made;
          const std::lock_guard<std::mutex> lock(mutex);
          acknowledged.insert(request.id());
        }
        if (!status.ok()) {
          // gRPC 1.51 itself says CANCELLED to a call that comes between its own shutdown and the
          // arrival of its GOAWAY.
          EXPECT_TRUE(status.error_code() == kUnavailable ||
                      status.error_code() == grpc::StatusCode::CANCELLED)
              << ToString(status);
          EXPECT_TRUE(ReasonOf(status).empty() || ReasonOf(status) == "SHUTTING_DOWN");
          ++refused;
          return;
        }
      }
    });
  }
  while (made < 100) {
    std::this_thread::yield();
  }
  Terminate();
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(refused, kThreads);
  Restart();
  for (const std::string& id : acknowledged) {
    EXPECT_EQ(Get(id).state(), v1::STATE_PENDING) << id;
  }
  EXPECT_GE(acknowledged.size(), 100);
}

TEST_F(DrainTest, DoesNotWaitForAReaderThatDoesNotRead) {
  StartServer({"--shards=1", "--max-stream-buffer=1000", "--drain-timeout=1s"});
  ApiClient slow(server().address());
  auto stream = slow.StartLoop("id: 'loop' interval {} start_now: true payload: '" +
                               std::string(60'000, 'p') + "'");
  stream.Acknowledged();
  auto quick = client().Watch("id: 'loop'");
  quick.Acknowledged();
  for (int run = 1; run <= 300; ++run) {
    ASSERT_EQ(quick.Event().run(), run);
    ASSERT_THAT(
        client()
            .Report("id: 'loop' outcome { result: RESULT_SUCCESS } run: " + std::to_string(run))
            .status,
        IsOkCall());
  }
  Terminate();
}

}  // namespace
}  // namespace timerd::testing
