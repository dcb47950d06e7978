// The test fixture that users get, on a real server with a manual clock.
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/server_process.h"
#include "timerd/testing.h"

namespace timerd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TestServerOptions ThisBuild() {
  TestServerOptions options;
  if (std::getenv("TIMERD_BINARY") == nullptr) {
    options.binary = TIMERD_BUILT_BINARY;
  }
  return options;
}

class TestNamespaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = TestServer::Start(ThisBuild());
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    time_ = NewNamespace();
    begin_ = *time_->Now();
  }

  std::unique_ptr<TestNamespace> NewNamespace(absl::Duration patience = absl::Seconds(20)) {
    TestNamespaceOptions options;
    options.patience = patience;
    auto made = TestNamespace::Create(server_->address(), options);
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }
  Client& client() { return time_->client(); }
  // How far the time is from the beginning of the test.
  absl::Duration Elapsed() { return *time_->Now() - begin_; }
  uint64_t Advance(absl::Duration by) {
    const auto advanced = time_->Advance(by);
    EXPECT_TRUE(advanced.ok()) << advanced.status();
    return advanced.ok() ? advanced->fired : 0;
  }

  std::unique_ptr<TestServer> server_;
  std::unique_ptr<TestNamespace> time_;
  absl::Time begin_;
};

TEST_F(TestNamespaceTest, FiresWhatIsDueAndNothingBefore) {
  int runs = 0;
  DelayedCall call = client().CallLater(absl::Seconds(5), [&runs] { ++runs; });
  EXPECT_EQ(Advance(absl::Seconds(5) - absl::Milliseconds(1)), 0u);
  EXPECT_EQ(runs, 0);
  EXPECT_TRUE(call.active());
  EXPECT_EQ(Advance(absl::Milliseconds(1)), 1u);
  EXPECT_EQ(runs, 1);
  ASSERT_TRUE(call.done().ready());
  EXPECT_EQ(call.done().Get().time, begin_ + absl::Seconds(5));
  EXPECT_EQ(Elapsed(), absl::Seconds(5));
}

TEST_F(TestNamespaceTest, HasResultsReadyWhenTheTimeHasMoved) {
  DeferredCall good = client().DeferLater(absl::Hours(1), [] { return "value"; });
  DeferredCall bad = client().DeferLater(
      absl::Hours(2), []() -> absl::StatusOr<std::string> { return absl::DataLossError("torn"); });
  std::atomic<bool> told = false;
  good.OnDone([&told](const Ending&) { told = true; });
  EXPECT_EQ(Advance(absl::Hours(3)), 2u);
  ASSERT_TRUE(good.result().ready());
  EXPECT_EQ(*good.result().Get(), "value");
  ASSERT_TRUE(bad.result().ready());
  EXPECT_EQ(bad.result().Get().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(told);
}

TEST_F(TestNamespaceTest, TicksALoopAsOftenAsItIsDue) {
  std::vector<absl::Duration> times;
  std::vector<uint64_t> counts;
  LoopingCall loop = client().StartLoop(absl::Seconds(1),
                                        [&](const LoopTick& tick) {
                                          times.push_back(tick.time - begin_);
                                          counts.push_back(tick.count);
                                          return absl::OkStatus();
                                        },
                                        {.start_now = false});
  EXPECT_EQ(Advance(absl::Seconds(3.5)), 3u);
  EXPECT_THAT(times, ElementsAre(absl::Seconds(1), absl::Seconds(2), absl::Seconds(3)));
  EXPECT_THAT(counts, ElementsAre(1, 1, 1));
  EXPECT_EQ(Elapsed(), absl::Seconds(3.5));
  ASSERT_TRUE(loop.Stop().Get().ok());
  EXPECT_TRUE(time_->Settle().ok());
  EXPECT_TRUE(loop.done().ready());
  EXPECT_EQ(Advance(absl::Hours(1)), 0u);
}

TEST_F(TestNamespaceTest, FiresWhatFunctionsScheduleOnTheWay) {
  std::vector<absl::Duration> times;
  std::function<void()> again = [&] {
    times.push_back(Elapsed());
    if (times.size() < 4) {
      // The last one is due at once, at the very end.
      client().CallLater(times.size() == 3 ? absl::ZeroDuration() : absl::Seconds(1), again);
    }
  };
  client().CallLater(absl::Seconds(1), again);
  EXPECT_EQ(Advance(absl::Seconds(3)), 4u);
  EXPECT_THAT(times,
              ElementsAre(absl::Seconds(1), absl::Seconds(2), absl::Seconds(3), absl::Seconds(3)));
}

TEST_F(TestNamespaceTest, WaitsForFunctionsThatTakeRealTime) {
  std::atomic<bool> done = false;
  DeferredCall slow = client().DeferLater(absl::Seconds(1), [&done] {
    absl::SleepFor(absl::Milliseconds(100));
    done = true;
    return "slow";
  });
  EXPECT_EQ(Advance(absl::Seconds(1)), 1u);
  EXPECT_TRUE(done);
  EXPECT_TRUE(slow.result().ready());
}

TEST_F(TestNamespaceTest, SettlesTheFirstRunOfALoopWithoutMoving) {
  int runs = 0;
  client().StartLoop(absl::Seconds(1), [&runs](const LoopTick&) {
    ++runs;
    return absl::OkStatus();
  });
  ASSERT_TRUE(time_->Settle().ok());
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(Elapsed(), absl::ZeroDuration());
}

TEST_F(TestNamespaceTest, JumpsAsALateServerWould) {
  std::vector<uint64_t> counts;
  std::vector<absl::Duration> times;
  client().StartLoop(absl::Seconds(1),
                     [&](const LoopTick& tick) {
                       counts.push_back(tick.count);
                       times.push_back(tick.time - begin_);
                       return absl::OkStatus();
                     },
                     {.start_now = false});
  const auto late = time_->Jump(absl::Seconds(5.5));
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_EQ(late->fired, 1u);
  EXPECT_EQ(late->now, begin_ + absl::Seconds(5.5));
  EXPECT_THAT(counts, ElementsAre(5));
  EXPECT_THAT(times, ElementsAre(absl::Seconds(5.5)));
  EXPECT_EQ(Advance(absl::Seconds(0.5)), 1u);
  EXPECT_THAT(counts, ElementsAre(5, 1));
}

TEST_F(TestNamespaceTest, JumpsDeadlineByDeadlineWithALimit) {
  std::vector<int> order;
  client().CallLater(absl::Seconds(2), [&order] { order.push_back(2); });
  DelayedCall cancelled = client().CallLater(absl::Seconds(3), [&order] { order.push_back(3); });
  client().CallLater(absl::Seconds(1), [&] {
    order.push_back(1);
    cancelled.Cancel();
  });
  ASSERT_TRUE(time_->Jump(absl::Seconds(5), 1).ok());
  EXPECT_THAT(order, ElementsAre(1));
  uint64_t fired = 0;
  for (int i = 0; i < 3; ++i) {
    fired += time_->Jump(absl::ZeroDuration(), 1)->fired;
  }
  EXPECT_EQ(fired, 1u);
  EXPECT_THAT(order, ElementsAre(1, 2));
  EXPECT_EQ(cancelled.done().Get().end, End::kCancelled);
}

TEST_F(TestNamespaceTest, GoesToTheNextDeadline) {
  client().CallLater(absl::Seconds(4), [] {});
  client().CallLater(absl::Seconds(4), [] {});
  client().CallLater(absl::Seconds(9), [] {});
  EXPECT_EQ(time_->AdvanceToNext()->fired, 2u);
  EXPECT_EQ(Elapsed(), absl::Seconds(4));
  EXPECT_EQ(time_->AdvanceToNext()->now, begin_ + absl::Seconds(9));
  EXPECT_EQ(time_->AdvanceToNext()->fired, 0u);
  EXPECT_EQ(Elapsed(), absl::Seconds(9));
}

TEST_F(TestNamespaceTest, GoesExactlyAsFarAsItIsTold) {
  EXPECT_EQ(Advance(absl::Nanoseconds(1)), 0u);
  EXPECT_EQ(Elapsed(), absl::Nanoseconds(1));
  client().CallLater(absl::Milliseconds(1), [] {});  // due at the second tick
  EXPECT_EQ(Advance(absl::Microseconds(1999)), 0u);
  EXPECT_EQ(Elapsed(), absl::Microseconds(1999) + absl::Nanoseconds(1));
  EXPECT_EQ(Advance(absl::Milliseconds(1)), 1u);
  EXPECT_EQ(Elapsed(), absl::Microseconds(2999) + absl::Nanoseconds(1));
  EXPECT_EQ(Advance(absl::ZeroDuration()), 0u);
}

TEST_F(TestNamespaceTest, DoesNotGoBackAndFiresNothingWhenAskedTo) {
  int runs = 0;
  client().CallLater(absl::ZeroDuration(), [&runs] { ++runs; });
  const auto refused = time_->Advance(-absl::Seconds(1));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DetailOf(refused.status(), "field"), "by");
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(Elapsed(), absl::ZeroDuration());
}

TEST_F(TestNamespaceTest, LetsTheOperationOfATaskWaitForItsTimeout) {
  std::atomic<bool> told = false;
  TimeoutOptions options;
  options.on_timeout = [](const Ending&) { return "a default"; };
  Task task = client().WithTimeout(
      absl::Seconds(3),
      [&told](const CancellationToken& token) -> absl::StatusOr<std::string> {
        told = token.WaitFor(absl::Minutes(1));
        return absl::CancelledError("given up");
      },
      options);
  EXPECT_EQ(Advance(absl::Seconds(2)), 0u);
  EXPECT_FALSE(task.result().ready());
  EXPECT_EQ(Advance(absl::Seconds(1)), 1u);
  ASSERT_TRUE(task.result().ready());
  EXPECT_EQ(*task.result().Get(), "a default");
  time_.reset();
  EXPECT_TRUE(told);
}

TEST_F(TestNamespaceTest, WaitsForOtherClientsToo) {
  auto other = time_->NewClient();
  DeferredCall call = client().DeferLater(absl::Seconds(1), [] { return "value"; }, {.id = "call"});
  ASSERT_TRUE(time_->Settle().ok());
  Handle watched = other->Watch("call");
  EXPECT_EQ(Advance(absl::Seconds(1)), 1u);
  ASSERT_TRUE(watched.result().ready());
  EXPECT_EQ(*watched.result().Get(), "value");
  // One that is closed is waited for no more.
  other.reset();
  EXPECT_EQ(watched.done().Get().end, End::kCompleted);
  EXPECT_EQ(Advance(absl::Seconds(1)), 0u);
}

TEST_F(TestNamespaceTest, IsNobodyElses) {
  auto other = NewNamespace();
  EXPECT_NE(other->name(), time_->name());
  int runs = 0;
  other->client().CallLater(absl::Seconds(1), [&runs] { ++runs; }, {.id = "same"});
  client().CallLater(absl::Seconds(1), [] {}, {.id = "same"});
  ASSERT_TRUE(other->Settle().ok());
  EXPECT_EQ(Advance(absl::Hours(1)), 1u);
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(other->Advance(absl::Seconds(1))->fired, 1u);
  EXPECT_EQ(runs, 1);
}

TEST_F(TestNamespaceTest, GivesUpOnAFunctionThatWaitsForTimeToPass) {
  auto impatient = NewNamespace(absl::Milliseconds(200));
  DelayedCall never = impatient->client().CallLater(absl::Hours(1), [] {});
  impatient->client().CallLater(absl::Seconds(1), [&never] { never.done().Get(); });
  const auto stuck = impatient->Advance(absl::Seconds(2));
  EXPECT_EQ(stuck.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(stuck.status().message()), HasSubstr("still under way"));
  EXPECT_THAT(std::string(stuck.status().message()), HasSubstr(impatient->name()));
}

TEST_F(TestNamespaceTest, GivesUpOnDeadlinesWithoutEnd) {
  auto impatient = NewNamespace(absl::Milliseconds(200));
  impatient->client().StartLoop(absl::ZeroDuration(),
                                [](const LoopTick&) { return absl::OkStatus(); });
  const auto stuck = impatient->Advance(absl::Seconds(1));
  EXPECT_EQ(stuck.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(stuck.status().message()), HasSubstr("fire without end"));
}

TEST_F(TestNamespaceTest, RefusesToWaitForTheThreadItIsCalledOn) {
  absl::Status inside;
  client().CallLater(absl::Seconds(1), [&] { inside = time_->Advance(absl::Seconds(1)).status(); });
  EXPECT_EQ(Advance(absl::Seconds(1)), 1u);
  EXPECT_EQ(inside.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(inside.message()), HasSubstr("callback thread"));
}

TEST_F(TestNamespaceTest, PlaysTheSameEveryTime) {
  // Handles that make others at random, each at a moment of its own.
  const auto play = [this](uint32_t seed) {
    auto time = NewNamespace();
    const absl::Time begin = *time->Now();
    std::mutex mutex;
    std::set<std::pair<absl::Duration, std::string>> played;
    std::mt19937 random(seed);
    std::function<void(const std::string&)> grow = [&](const std::string& name) {
      {
        std::lock_guard<std::mutex> lock(mutex);
        played.emplace(*time->Now() - begin, name);
      }
      if (name.size() < 6) {
        for (const char* child : {"a", "b"}) {
          const std::string next = name + child;
          const absl::Duration delay =
              absl::Milliseconds(std::hash<std::string>()(next + std::to_string(seed)) % 3000);
          time->client().DeferLater(delay, [&grow, next]() -> absl::StatusOr<std::string> {
            grow(next);
            return "grown";
          });
        }
      }
    };
    grow("");
    while (true) {
      const auto advanced = time->Advance(absl::Milliseconds(random() % 2000));
      EXPECT_TRUE(advanced.ok()) << advanced.status();
      if (!advanced.ok() || advanced->now - begin > absl::Seconds(30)) {
        return played;
      }
    }
  };
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  const auto first = play(seed);
  EXPECT_EQ(first.size(), 127u);
  EXPECT_EQ(play(seed), first);
}

TEST(TestServerTest, SaysWhyItDidNotStart) {
  const auto missing = TestServer::Start({.binary = "/nowhere/timerd"});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("/nowhere/timerd"));
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("cannot be executed"));

  TestServerOptions options = ThisBuild();
  options.flags = {"--no-such-flag"};
  const auto refused = TestServer::Start(options);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("no-such-flag"));
}

TEST(TestServerTest, TakesFlagsAndKeepsItsLog) {
  TestServerOptions options = ThisBuild();
  options.flags = {"--max-id-bytes=5"};
  const auto server = TestServer::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  const auto time = TestNamespace::Create((*server)->address());
  ASSERT_TRUE(time.ok()) << time.status();
  DelayedCall refused = (*time)->client().CallLater(absl::Seconds(1), [] {}, {.id = "too long"});
  EXPECT_EQ(refused.acknowledged().Get().code(), absl::StatusCode::kInvalidArgument);
}

TEST(TestServerTest, CannotBeOneWithARealClock) {
  ServerProcess real;
  const auto refused = TestNamespace::Create(real.address());
  EXPECT_EQ(ReasonOf(refused.status()), "NOT_VIRTUAL");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("--clock=manual"));
}

}  // namespace
}  // namespace timerd::testing
