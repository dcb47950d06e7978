// The client on a real server in virtual time: loop policies, replacing, lost clients, plain calls.
#include <cstdlib>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "timerd/testing.h"

namespace timerd::testing {
namespace {

using ::testing::ElementsAre;

class VirtualServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TestServerOptions options;
    if (std::getenv("TIMERD_BINARY") == nullptr) {
      options.binary = TIMERD_BUILT_BINARY;
    }
    auto server = TestServer::Start(options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto time = TestNamespace::Create(server_->address());
    ASSERT_TRUE(time.ok()) << time.status();
    time_ = *std::move(time);
    begin_ = *time_->Now();
  }

  Client& client() { return time_->client(); }
  void Advance(absl::Duration by) {
    const auto advanced = time_->Advance(by);
    ASSERT_TRUE(advanced.ok()) << advanced.status();
  }
  // A loop of one second that notes its ticks.
  LoopingCall Loop(LoopOptions options) {
    options.start_now = false;
    return client().StartLoop(
        absl::Seconds(1),
        [this](const LoopTick& tick) {
          ticks_.push_back(tick);
          return absl::OkStatus();
        },
        options);
  }
  // When the ticks were decided, in seconds from the beginning.
  std::vector<double> Times() const {
    std::vector<double> times;
    for (const LoopTick& tick : ticks_) {
      times.push_back(absl::ToDoubleSeconds(tick.time - begin_));
    }
    return times;
  }

  std::vector<LoopTick> ticks_;
  std::unique_ptr<TestServer> server_;
  std::unique_ptr<TestNamespace> time_;
  absl::Time begin_;
};

TEST_F(VirtualServerTest, TicksAtTheWallClockTimesOfATimeZone) {
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  LoopingCall loop = client().StartLoop(Cron{"30 3 * * *", "Europe/Berlin"},
                                        [this](const LoopTick& tick) {
                                          ticks_.push_back(tick);
                                          return absl::OkStatus();
                                        },
                                        {.max_runs = 365});
  Advance(366 * absl::Hours(24));
  ASSERT_EQ(ticks_.size(), 365u);
  std::set<absl::CivilDay> days;
  for (const LoopTick& tick : ticks_) {
    ASSERT_TRUE(tick.wall_deadline.has_value());
    EXPECT_EQ(tick.time, *tick.wall_deadline);
    EXPECT_EQ(tick.count, 1u);
    const absl::CivilSecond there = berlin.At(tick.time).cs;
    EXPECT_EQ(there, absl::CivilMinute(there.year(), there.month(), there.day(), 3, 30));
    days.insert(absl::CivilDay(there));
  }
  EXPECT_EQ(days.size(), 365u);
  EXPECT_EQ(loop.done().Get().end, End::kCompleted);
}

TEST_F(VirtualServerTest, PausesResumesTriggersAndChangesALoop) {
  LoopingCall loop = Loop({});
  Advance(absl::Seconds(1.5));
  EXPECT_THAT(Times(), ElementsAre(1));
  ASSERT_TRUE(loop.Pause().Get().ok());
  EXPECT_EQ(ReasonOf(loop.Pause().Get()), "PAUSED");
  EXPECT_FALSE(loop.deadline().has_value());
  Advance(absl::Seconds(5));
  EXPECT_THAT(Times(), ElementsAre(1));
  ASSERT_TRUE(loop.Trigger().Get().ok());
  ASSERT_TRUE(time_->Settle().ok());
  EXPECT_THAT(Times(), ElementsAre(1, 6.5));
  EXPECT_TRUE(ticks_.back().triggered);
  EXPECT_EQ(ticks_.back().count, 0u);
  ASSERT_TRUE(loop.Resume().Get().ok());
  EXPECT_EQ(loop.deadline(), begin_ + absl::Seconds(7));
  Advance(absl::Seconds(1));
  EXPECT_THAT(Times(), ElementsAre(1, 6.5, 7));
  EXPECT_EQ(ticks_.back().count, 6u);
  EXPECT_EQ(ReasonOf(loop.Resume().Get()), "NOT_PAUSED");
  ASSERT_TRUE(loop.Reset().Get().ok());  // at 7.5
  Advance(absl::Seconds(1));
  EXPECT_THAT(Times(), ElementsAre(1, 6.5, 7, 8.5));
  ASSERT_TRUE(loop.ChangeInterval(absl::Seconds(3)).Get().ok());
  Advance(absl::Seconds(6));  // from 8.5; the grid began at 7.5
  EXPECT_THAT(Times(), ElementsAre(1, 6.5, 7, 8.5, 10.5, 13.5));
  ASSERT_TRUE(loop.Stop().Get().ok());
  EXPECT_EQ(ReasonOf(loop.Trigger().Get()), "NOT_RUNNING");
}

TEST_F(VirtualServerTest, EndsALoopByItsLimits) {
  LoopingCall counted = Loop({.max_runs = 3});
  Advance(absl::Seconds(10));
  EXPECT_THAT(Times(), ElementsAre(1, 2, 3));
  ASSERT_TRUE(counted.done().ready());
  EXPECT_EQ(counted.done().Get().end, End::kCompleted);
  ticks_.clear();
  LoopOptions plain;
  plain.plain = true;
  plain.until = *time_->Now() + absl::Seconds(2.5);
  LoopingCall bounded = Loop(plain);
  Advance(absl::Seconds(10));
  EXPECT_THAT(Times(), ElementsAre(11, 12));
  ASSERT_TRUE(bounded.done().ready());
  EXPECT_EQ(bounded.done().Get().end, End::kCompleted);
}

TEST_F(VirtualServerTest, MakesUpForMissedTicksAsItIsTold) {
  Loop({.missed_ticks = {MissedTicks::Policy::kRunAll}});
  ASSERT_TRUE(time_->Jump(absl::Seconds(3.5)).ok());
  Advance(absl::ZeroDuration());
  ASSERT_EQ(ticks_.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ticks_[i].deadline, begin_ + absl::Seconds(i + 1));
    EXPECT_EQ(ticks_[i].time, begin_ + absl::Seconds(3.5));
    EXPECT_EQ(ticks_[i].count, 1u);
  }
}

TEST_F(VirtualServerTest, StopsAPlainLoopWhoseFunctionFails) {
  int runs = 0;
  LoopingCall loop =
      client().StartLoop(absl::Seconds(1),
                         [&runs](const LoopTick&) -> LoopResult {
                           return ++runs < 3 ? absl::OkStatus() : absl::DataLossError("torn");
                         },
                         {.start_now = false, .plain = true});
  Advance(absl::Seconds(10));
  EXPECT_EQ(runs, 3);
  ASSERT_TRUE(loop.done().ready());
  EXPECT_EQ(loop.done().Get().end, End::kStopped);
}

TEST_F(VirtualServerTest, LetsTheLatestCallOfAnIdWin) {
  std::vector<int> runs;
  DelayedCall first =
      client().CallLater(absl::Seconds(5), [&runs] { runs.push_back(1); }, {.id = "same"});
  ASSERT_TRUE(first.acknowledged().Get().ok());
  DelayedCall refused =
      client().CallLater(absl::Seconds(6), [&runs] { runs.push_back(2); }, {.id = "same"});
  EXPECT_EQ(ReasonOf(refused.acknowledged().Get()), "ID_IN_USE");
  DelayedCall latest = client().CallLater(absl::Seconds(6), [&runs] { runs.push_back(3); },
                                          {.id = "same", .replace = true});
  Advance(absl::Seconds(10));
  EXPECT_THAT(runs, ElementsAre(3));
  ASSERT_TRUE(first.done().ready());
  EXPECT_EQ(first.done().Get().reason, "REPLACED");
  EXPECT_EQ(latest.done().Get().end, End::kFired);
  // One that has ended is replaced by the same call again.
  DelayedCall again = client().CallLater(absl::Seconds(6), [&runs] { runs.push_back(4); },
                                         {.id = "same", .replace = true});
  Advance(absl::Seconds(10));
  EXPECT_THAT(runs, ElementsAre(3, 4));
}

TEST_F(VirtualServerTest, TellsThatAClientWasLost) {
  ASSERT_TRUE(client()
                  .Schedule(absl::Seconds(1),
                            {.id = "lost", .reported = true, .client_lost_after = absl::Seconds(5)})
                  .Get()
                  .ok());
  Advance(absl::Seconds(5.5));
  EXPECT_EQ(client().Get("lost").Get()->state(), v1::STATE_RUNNING);
  Advance(absl::Seconds(1));
  Handle seen = client().Watch("lost");
  ASSERT_TRUE(time_->Settle().ok());
  ASSERT_TRUE(seen.done().ready());
  EXPECT_EQ(seen.done().Get().end, End::kFailed);
  EXPECT_EQ(seen.done().Get().reason, "CLIENT_LOST");
}

TEST_F(VirtualServerTest, MovesByExactlyWhatItIsTold) {
  DelayedCall call = client().CallLater(absl::Seconds(5), [] {});
  EXPECT_EQ(*call.Reset(absl::Seconds(60)).Get(), begin_ + absl::Seconds(60));
  EXPECT_EQ(*call.Delay(absl::Nanoseconds(1)).Get(),
            begin_ + absl::Seconds(60) + absl::Nanoseconds(1));
  ASSERT_TRUE(call.AddTimeout(absl::Seconds(7)).Get().ok());
  Task task = client().WithTimeout(absl::Seconds(5));
  EXPECT_EQ(*task.Heartbeat(absl::Seconds(9)).Get(), begin_ + absl::Seconds(9));
  Advance(absl::Seconds(7));
  ASSERT_TRUE(call.done().ready());
  EXPECT_EQ(call.done().Get().timeout, absl::Seconds(7));
  EXPECT_FALSE(task.done().ready());
  Advance(absl::Seconds(2));
  EXPECT_TRUE(task.done().ready());
}

TEST_F(VirtualServerTest, CarriesOutManyPlainCalls) {
  constexpr int kCalls = 3000;
  std::vector<Future<absl::StatusOr<Scheduled>>> made;
  for (int i = 0; i < kCalls; ++i) {
    made.push_back(client().Schedule(
        absl::Milliseconds(i + 1), {.id = std::to_string(i), .reported = true, .payload = "what"}));
  }
  std::vector<Future<absl::Status>> cancelled;
  std::vector<Future<absl::StatusOr<absl::Time>>> moved;
  for (int i = 0; i < kCalls; i += 3) {
    cancelled.push_back(client().Cancel(std::to_string(i)));
    moved.push_back(client().Reschedule(std::to_string(i + 1), absl::Hours(1)));
  }
  for (int i = 0; i < kCalls; ++i) {
    const auto scheduled = made[i].Get();
    ASSERT_TRUE(scheduled.ok()) << scheduled.status();
    EXPECT_EQ(scheduled->deadline, begin_ + absl::Milliseconds(i + 1));
    EXPECT_EQ(scheduled->generation, 1u);
  }
  for (int i = 0; i < kCalls / 3; ++i) {
    EXPECT_TRUE(cancelled[i].Get().ok());
    EXPECT_EQ(*moved[i].Get(), begin_ + absl::Hours(1));
  }
  EXPECT_EQ(time_->Jump(absl::Seconds(10))->fired, 1000u);
  std::vector<Future<absl::StatusOr<v1::ReportResponse>>> reported;
  for (int i = 2; i < kCalls; i += 3) {
    reported.push_back(client().Report(std::to_string(i), 1, "value"));
  }
  for (const auto& future : reported) {
    ASSERT_TRUE(future.Get().ok()) << future.Get().status();
    EXPECT_TRUE(future.Get()->accepted());
  }
  EXPECT_EQ(ReasonOf(client().Cancel("2").Get()), "ALREADY_CALLED");
  EXPECT_EQ(ReasonOf(client().Cancel("nobody").Get()), "UNKNOWN_ID");
  EXPECT_EQ(*client().RescheduleBy("4", -absl::Minutes(1)).Get(), begin_ + absl::Minutes(59));
  EXPECT_EQ(*client().RescheduleTo("4", begin_ + absl::Minutes(2)).Get(),
            begin_ + absl::Minutes(2));
  const absl::Status refused = client().Schedule(-absl::Seconds(1)).Get().status();
  EXPECT_EQ(DetailOf(refused, "field"), "delay");
  EXPECT_THAT(std::string(refused.message()), ::testing::Not(::testing::HasSubstr("items[")));
}

}  // namespace
}  // namespace timerd::testing
