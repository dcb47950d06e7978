// The client against a real server: what its users do, with short times, and servers that die.
#include <atomic>
#include <optional>

#include "gtest/gtest.h"
#include "tests/support/server_process.h"
#include "timerd/client.h"

namespace timerd::testing {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

class StoriesServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ServerProcess::Available()) << "set TIMERD_BINARY, or build the server";
    server_.emplace();
    ClientOptions options;
    options.target = server_->address();
    options.backoff_min = absl::Milliseconds(10);
    options.backoff_max = absl::Milliseconds(100);
    options.callback_threads = 4;
    client_.emplace(options);
  }

  std::optional<ServerProcess> server_;
  std::optional<Client> client_;
};

TEST_F(StoriesServerTest, CallsLaterAndNeverEarly) {
  const absl::Time begin = absl::Now();
  std::optional<absl::Time> called;
  DelayedCall call =
      client_->CallLater(absl::Milliseconds(150), [&called] { called = absl::Now(); });
  EXPECT_TRUE(call.active());
  const auto ending = call.Wait(kPatience);
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->end, End::kFired);
  ASSERT_TRUE(called.has_value());
  EXPECT_GE(*called - begin, absl::Milliseconds(150));
  EXPECT_FALSE(call.active());
  EXPECT_EQ(DetailOf(call.Cancel().Get(), "end"), "FIRED");
}

TEST_F(StoriesServerTest, CarriesValuesAndFailuresOfDeferredCalls) {
  DeferredCall good = client_->DeferLater(absl::Milliseconds(50), [] { return "hello, world"; });
  DeferredCall bad = client_->DeferLater(
      absl::Milliseconds(50),
      []() -> absl::StatusOr<std::string> { return absl::DataLossError("page 7 is torn"); });
  const auto value = good.result().Wait(kPatience);
  ASSERT_TRUE(value.has_value());
  ASSERT_TRUE(value->ok()) << value->status();
  EXPECT_EQ(**value, "hello, world");
  const auto failure = bad.result().Wait(kPatience);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(failure->status().message(), "page 7 is torn");
}

TEST_F(StoriesServerTest, LoopsUntilStoppedOrFailed) {
  std::vector<uint64_t> counts;
  LoopingCall stopped =
      client_->StartLoop(absl::Milliseconds(50), [&counts](const LoopTick& tick) -> LoopResult {
        counts.push_back(tick.count);
        return tick.run < 3 ? LoopResult(absl::OkStatus()) : LoopResult::Stop();
      });
  std::atomic<int> runs = 0;
  LoopingCall failed =
      client_->StartLoop(absl::Milliseconds(50), [&runs](const LoopTick& tick) -> LoopResult {
        ++runs;
        return tick.run < 3 ? absl::OkStatus() : absl::AbortedError("third time unlucky");
      });
  ASSERT_TRUE(stopped.Wait(kPatience).has_value());
  EXPECT_EQ(stopped.Wait(kPatience)->end, End::kStopped);
  ASSERT_EQ(counts.size(), 3u);
  EXPECT_EQ(counts[0], 1u);
  ASSERT_TRUE(failed.Wait(kPatience).has_value());
  EXPECT_EQ(failed.result().Get().status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(ReasonOf(failed.Stop().Get()), "NOT_RUNNING");
}

TEST_F(StoriesServerTest, StopsALoopFromInsideItsFunction) {
  std::optional<LoopingCall> loop;
  Promise<bool> assigned([](std::function<void()> callback) { callback(); });
  Future<absl::Status> answer;
  std::atomic<int> runs = 0;
  loop = client_->StartLoop(absl::Milliseconds(20), [&](const LoopTick& tick) {
    ++runs;
    assigned.future().Get();
    if (tick.run == 2) {
      answer = loop->Stop();
    }
    return absl::OkStatus();
  });
  assigned.Set(true);
  ASSERT_TRUE(loop->Wait(kPatience).has_value());
  EXPECT_EQ(loop->Wait(kPatience)->end, End::kStopped);
  EXPECT_TRUE(answer.Get().ok());
  EXPECT_EQ(runs, 2);
}

TEST_F(StoriesServerTest, NeverRunsACancelledCall) {
  std::atomic<int> runs = 0;
  DelayedCall call = client_->CallLater(absl::Milliseconds(300), [&runs] { ++runs; });
  EXPECT_TRUE(call.Cancel().Get().ok());
  EXPECT_EQ(call.done().Get().end, End::kCancelled);
  // A later call on the same server fires behind where this one would have.
  DelayedCall later = client_->CallLater(absl::Milliseconds(400), [] {});
  ASSERT_TRUE(later.Wait(kPatience).has_value());
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(ReasonOf(call.Cancel().Get()), "ALREADY_CANCELLED");
}

TEST_F(StoriesServerTest, ResetsAndDelaysACall) {
  DelayedCall call = client_->CallLater(absl::Hours(1), [] {});
  ASSERT_TRUE(call.acknowledged().Get().ok());
  const absl::Time first = *call.deadline();
  const auto delayed = call.Delay(absl::Minutes(1)).Get();
  ASSERT_TRUE(delayed.ok()) << delayed.status();
  EXPECT_EQ(*delayed, first + absl::Minutes(1));
  EXPECT_EQ(call.deadline(), *delayed);
  const auto reset = call.Reset(absl::Milliseconds(20)).Get();
  ASSERT_TRUE(reset.ok()) << reset.status();
  ASSERT_TRUE(call.Wait(kPatience).has_value());
  EXPECT_EQ(call.Wait(kPatience)->end, End::kFired);
}

TEST_F(StoriesServerTest, ResetWinsOverAFiringThatHasArrived) {
  ClientOptions options;
  options.target = server_->address();
  options.callback_threads = 1;
  Client narrow(options);
  Promise<bool> release([](std::function<void()> callback) { callback(); });
  Promise<bool> entered([](std::function<void()> callback) { callback(); });
  DelayedCall plug = narrow.CallLater(absl::ZeroDuration(), [&] {
    entered.Set(true);
    release.future().Wait(kPatience);
  });
  ASSERT_TRUE(entered.future().Wait(kPatience).has_value());
  std::atomic<int> runs = 0;
  DeferredCall call = narrow.DeferLater(absl::ZeroDuration(), [&runs] {
    ++runs;
    return "value";
  });
  const std::string id = call.id();
  Handle fired = client_->Watch(id);
  absl::StatusOr<v1::Handle> seen = client_->Get(id).Get();
  while (!seen.ok() || seen->state() != v1::STATE_RUNNING) {
    seen = client_->Get(id).Get();
  }
  const auto moved = call.Reset(absl::Milliseconds(100)).Get();
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_NE(call.id(), id);
  EXPECT_EQ(fired.done().Get().end, End::kCancelled);
  EXPECT_EQ(runs, 0);
  release.Set(true);
  EXPECT_EQ(*call.result().Get(), "value");
  EXPECT_EQ(runs, 1);
}

TEST_F(StoriesServerTest, BoundsOperations) {
  Task quick =
      client_->WithTimeout(absl::Seconds(10), [](const CancellationToken&) { return "result"; });
  EXPECT_EQ(*quick.result().Get(), "result");

  std::atomic<bool> told = false;
  Task slow =
      client_->WithTimeout(absl::Milliseconds(100), [&told](const CancellationToken& token) {
        told = token.WaitFor(kPatience);
        return "late";
      });
  const absl::Status timed_out = slow.result().Get().status();
  EXPECT_TRUE(WasTimedOut(timed_out)) << timed_out;

  TimeoutOptions translated;
  translated.on_timeout = [](const Ending&) { return "default"; };
  Task defaulted = client_->WithTimeout(absl::Milliseconds(50), translated);
  EXPECT_EQ(*defaulted.result().Get(), "default");

  Task fallen_back = client_->WithTimeout(absl::Milliseconds(50), {.fallback = "from the server"});
  EXPECT_EQ(*fallen_back.result().Get(), "from the server");
  EXPECT_TRUE(fallen_back.done().Get().by_timeout);

  Task unwanted = client_->WithTimeout(absl::Milliseconds(200), translated);
  EXPECT_TRUE(unwanted.Cancel().Get().ok());
  EXPECT_TRUE(WasCancelled(unwanted.result().Get().status()));

  Task kept_alive = client_->WithTimeout(absl::Milliseconds(200));
  ASSERT_TRUE(kept_alive.Heartbeat(absl::Hours(1)).Get().ok());
  DelayedCall later = client_->CallLater(absl::Milliseconds(250), [] {});
  ASSERT_TRUE(later.Wait(kPatience).has_value());
  EXPECT_TRUE(kept_alive.active());
  EXPECT_TRUE(kept_alive.Complete("alive"));
  EXPECT_EQ(*kept_alive.result().Get(), "alive");

  DelayedCall bounded = client_->CallLater(absl::Hours(1), [] {});
  ASSERT_TRUE(bounded.AddTimeout(absl::Milliseconds(50)).Get().ok());
  EXPECT_TRUE(WasTimedOut(bounded.result().Get().status()));
  client_.reset();
  EXPECT_TRUE(told);
}

TEST_F(StoriesServerTest, KeepsTheReasonOfARefusal) {
  DelayedCall refused = client_->CallLater(-absl::Seconds(1), [] {});
  EXPECT_EQ(ReasonOf(refused.acknowledged().Get()), "INVALID_FIELD");
  EXPECT_EQ(DetailOf(refused.acknowledged().Get(), "field"), "delay");
  EXPECT_EQ(ReasonOf(client_->Get("unknown").Get().status()), "UNKNOWN_ID");
  DeferredCall large =
      client_->DeferLater(absl::ZeroDuration(), [] { return std::string(70'000, 'x'); });
  EXPECT_EQ(large.result().Get().status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(StoriesServerTest, GoesOnByItselfAfterTheServerWasKilled) {
  std::atomic<int> ticks = 0;
  std::atomic<int> calls = 0;
  LoopingCall loop = client_->StartLoop(absl::Milliseconds(50), [&ticks](const LoopTick&) {
    ++ticks;
    return absl::OkStatus();
  });
  DelayedCall call = client_->CallLater(absl::Milliseconds(600), [&calls] { ++calls; });
  Promise<bool> release([](std::function<void()> callback) { callback(); });
  std::atomic<int> runs = 0;
  DeferredCall running = client_->DeferLater(absl::ZeroDuration(), [&] {
    ++runs;
    release.future().Wait(kPatience);
    return "value";
  });
  ASSERT_TRUE(loop.acknowledged().Get().ok());
  ASSERT_TRUE(call.acknowledged().Get().ok());
  ASSERT_TRUE(running.acknowledged().Get().ok());
  while (runs == 0 || ticks < 2) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  server_->Kill();
  release.Set(true);  // reported to nobody, for now
  DeferredCall meanwhile = client_->DeferLater(absl::ZeroDuration(), [] { return "made"; });
  Future<absl::Status> cancelled =
      client_->CallLater(absl::Hours(1), [] {}).Cancel();  // asked of nobody, for now
  server_->Restart();

  const auto value = running.result().Wait(kPatience);
  ASSERT_TRUE(value.has_value());
  ASSERT_TRUE(value->ok()) << value->status();
  EXPECT_EQ(**value, "value");
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(*meanwhile.result().Get(), "made");
  EXPECT_TRUE(cancelled.Get().ok());
  ASSERT_TRUE(call.Wait(kPatience).has_value());
  EXPECT_EQ(calls, 1);
  const int before = ticks;
  while (ticks < before + 2 && loop.active()) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_TRUE(loop.Stop().Get().ok());
  EXPECT_EQ(loop.done().Get().end, End::kStopped);
}

TEST_F(StoriesServerTest, AttachesAgainUnderAnIdOfItsOwn) {
  DeferredCall call =
      client_->DeferLater(absl::Milliseconds(300), [] { return "first life"; }, {.id = "mine"});
  ASSERT_TRUE(call.acknowledged().Get().ok());
  client_.reset();
  EXPECT_EQ(call.done().Get().end, End::kDetached);

  Client second({.target = server_->address()});
  DeferredCall again =
      second.DeferLater(absl::Milliseconds(300), [] { return "second life"; }, {.id = "mine"});
  EXPECT_EQ(*again.result().Get(), "second life");
  std::atomic<int> runs = 0;
  Client third({.target = server_->address()});
  DeferredCall over = third.DeferLater(absl::Milliseconds(300),
                                       [&runs] {
                                         ++runs;
                                         return "third life";
                                       },
                                       {.id = "mine"});
  EXPECT_EQ(*over.result().Get(), "second life");
  EXPECT_EQ(runs, 0);
}

}  // namespace
}  // namespace timerd::testing
