// Loops: what they are asked to be, what they can be asked for, and runs that nobody reports.
#include <vector>

#include "tests/client/fake_timers_fixture.h"

namespace timerd::testing {
namespace {

class LoopsTest : public FakeTimersTest {
 protected:
  static LoopResult GoOn(const LoopTick&) { return absl::OkStatus(); }

  LoopingCall StartedLoop() {
    LoopingCall loop = client_.StartLoop(absl::Seconds(1), GoOn);
    stream_ = Accept("StartLoop", loop);
    return loop;
  }
  // A plain loop whose function waits inside its first run until released, and notes its ticks.
  LoopingCall PlainLoop(MissedTicks missed = {}) {
    LoopOptions options;
    options.plain = true;
    options.missed_ticks = missed;
    LoopingCall loop = narrow_.StartLoop(
        absl::Seconds(1),
        [this](const LoopTick& tick) {
          ticks_.push_back(tick);
          entered_.Set(true);
          release_.future().Wait(kPatience);
          return result_;
        },
        options);
    stream_ = Accept("StartLoop", loop);
    return loop;
  }
  v1::Event Tick(uint64_t run, uint64_t count = 1) {
    v1::Event event = MakeEvent(v1::Event::TYPE_TICK, run, run);
    event.set_count(count);
    event.set_missed(count == 0 ? 0 : count - 1);
    return event;
  }
  void EnterFirstRun() {
    stream_->Send(Tick(1));
    ASSERT_TRUE(entered_.future().Wait(kPatience).has_value());
  }

  FakeCallPtr stream_;
  LoopResult result_ = absl::OkStatus();
  std::vector<LoopTick> ticks_;
  Promise<bool> entered_{[](std::function<void()> callback) { callback(); }};
  Promise<bool> release_{[](std::function<void()> callback) { callback(); }};
  // One callback thread, so that what is posted later begins later.
  Client narrow_{OptionsFor(server_, /*callback_threads=*/1)};
};

TEST_F(LoopsTest, AsksForAnIntervalThatStartsNow) {
  client_.StartLoop(absl::Milliseconds(1500), GoOn);
  const auto request = server_.Next("StartLoop")->request<v1::StartLoopRequest>();
  EXPECT_EQ(request.interval().nanos(), 500'000'000);
  EXPECT_TRUE(request.start_now());
  EXPECT_FALSE(request.has_cron());
  EXPECT_FALSE(request.plain());
  EXPECT_EQ(request.pacing(), v1::PACING_UNSPECIFIED);
  EXPECT_FALSE(request.has_missed_ticks());
  EXPECT_FALSE(request.has_max_runs());
  EXPECT_FALSE(request.has_until());
  EXPECT_FALSE(request.has_jitter());
  EXPECT_FALSE(request.has_client_lost_after());
  EXPECT_FALSE(request.replace());
}

TEST_F(LoopsTest, AsksForCronThatStartsAtItsFirstMatch) {
  client_.StartLoop(Cron{"0 3 * * MON", "Europe/Berlin"}, GoOn);
  const auto request = server_.Next("StartLoop")->request<v1::StartLoopRequest>();
  EXPECT_EQ(request.cron().expression(), "0 3 * * MON");
  EXPECT_EQ(request.cron().time_zone(), "Europe/Berlin");
  EXPECT_FALSE(request.start_now());
  EXPECT_FALSE(request.has_interval());
  client_.StartLoop(Cron{"@hourly"}, GoOn, {.start_now = true});
  EXPECT_TRUE(server_.Next("StartLoop")->request<v1::StartLoopRequest>().start_now());
}

TEST_F(LoopsTest, SendsEveryPolicy) {
  LoopOptions options;
  options.plain = true;
  options.pacing = Pacing::kFixedDelay;
  options.missed_ticks = {MissedTicks::Policy::kRunAll, 7, absl::Minutes(2)};
  options.max_runs = 12;
  options.until = absl::FromUnixSeconds(-5) + absl::Nanoseconds(3);
  options.jitter = absl::Milliseconds(20);
  options.replace = true;
  options.client_lost_after = absl::Seconds(30);
  client_.StartLoop(absl::Seconds(1), GoOn, options);
  const auto request = server_.Next("StartLoop")->request<v1::StartLoopRequest>();
  EXPECT_TRUE(request.plain());
  EXPECT_EQ(request.pacing(), v1::PACING_FIXED_DELAY);
  EXPECT_EQ(request.missed_ticks().policy(), v1::MissedTicks::POLICY_RUN_ALL);
  EXPECT_EQ(request.missed_ticks().max_runs(), 7u);
  EXPECT_EQ(request.missed_ticks().window().seconds(), 120);
  EXPECT_EQ(request.max_runs(), 12u);
  EXPECT_EQ(request.until().seconds(), -5);
  EXPECT_EQ(request.until().nanos(), 3);
  EXPECT_EQ(request.jitter().nanos(), 20'000'000);
  EXPECT_TRUE(request.replace());
  EXPECT_EQ(request.client_lost_after().seconds(), 30);

  options.missed_ticks = {MissedTicks::Policy::kRunOnce};
  client_.StartLoop(absl::Seconds(1), GoOn, options);
  const auto once = server_.Next("StartLoop")->request<v1::StartLoopRequest>();
  EXPECT_EQ(once.missed_ticks().policy(), v1::MissedTicks::POLICY_RUN_ONCE);
  EXPECT_FALSE(once.missed_ticks().has_window());
}

TEST_F(LoopsTest, TellATickWhatTheServerKnowsOfIt) {
  Promise<LoopTick> seen([](std::function<void()> callback) { callback(); });
  LoopingCall loop = client_.StartLoop(Cron{"@hourly"}, [&seen](const LoopTick& tick) {
    seen.Set(tick);
    return absl::OkStatus();
  });
  v1::Event event = Tick(1, 0);
  event.set_triggered(true);
  event.set_generation(3);
  event.mutable_wall_deadline()->set_seconds(7200);
  Accept("StartLoop", loop)->Send(event);
  const auto tick = seen.future().Wait(kPatience);
  ASSERT_TRUE(tick.has_value());
  EXPECT_TRUE(tick->triggered);
  EXPECT_EQ(tick->count, 0u);
  EXPECT_EQ(tick->generation, 3u);
  EXPECT_EQ(tick->wall_deadline, absl::FromUnixSeconds(7200));
}

TEST_F(LoopsTest, ArePausedAndResumed) {
  LoopingCall loop = StartedLoop();
  Future<absl::Status> paused = loop.Pause();
  FakeCallPtr pause = server_.Next("PauseLoop");
  EXPECT_EQ(pause->request<v1::PauseLoopRequest>().id(), loop.id());
  EXPECT_TRUE(loop.deadline().has_value());
  pause->Reply(v1::PauseLoopResponse());
  EXPECT_TRUE(paused.Get().ok());
  EXPECT_FALSE(loop.deadline().has_value());
  EXPECT_TRUE(loop.active());

  Future<absl::Status> resumed = loop.Resume();
  v1::ResumeLoopResponse response;
  response.mutable_deadline()->set_seconds(2000);
  server_.Next("ResumeLoop")->Reply(response);
  EXPECT_TRUE(resumed.Get().ok());
  EXPECT_EQ(loop.deadline(), absl::FromUnixSeconds(2000));
}

TEST_F(LoopsTest, AskForAPauseAgainAndTakePausedForSuccessAfterALostReply) {
  LoopingCall loop = StartedLoop();
  Future<absl::Status> paused = loop.Pause();
  server_.Next("PauseLoop")->Finish(kUnavailable);
  server_.Next("PauseLoop")->Finish(Refused(grpc::StatusCode::FAILED_PRECONDITION, "PAUSED"));
  EXPECT_TRUE(paused.Get().ok());
  Future<absl::Status> resumed = loop.Resume();
  server_.Next("ResumeLoop")->Finish(kUnavailable);
  server_.Next("ResumeLoop")->Finish(Refused(grpc::StatusCode::FAILED_PRECONDITION, "NOT_PAUSED"));
  EXPECT_TRUE(resumed.Get().ok());

  // At the first try the same refusal tells of somebody else's doing.
  Future<absl::Status> again = loop.Pause();
  server_.Next("PauseLoop")->Finish(Refused(grpc::StatusCode::FAILED_PRECONDITION, "PAUSED"));
  EXPECT_EQ(ReasonOf(again.Get()), "PAUSED");
}

TEST_F(LoopsTest, AskForResetAndANewIntervalUntilAnswered) {
  LoopingCall loop = StartedLoop();
  Future<absl::Status> reset = loop.Reset();
  server_.Next("ResetLoop")->Finish(kUnavailable);
  v1::ResetLoopResponse response;
  response.mutable_deadline()->set_seconds(2001);
  server_.Next("ResetLoop")->Reply(response);
  EXPECT_TRUE(reset.Get().ok());
  EXPECT_EQ(loop.deadline(), absl::FromUnixSeconds(2001));

  Future<absl::Status> changed = loop.ChangeInterval(absl::Minutes(1));
  server_.Next("ChangeInterval")->Finish(kUnavailable);
  FakeCallPtr change = server_.Next("ChangeInterval");
  EXPECT_EQ(change->request<v1::ChangeIntervalRequest>().interval().seconds(), 60);
  change->Reply(v1::ChangeIntervalResponse());
  EXPECT_TRUE(changed.Get().ok());
}

TEST_F(LoopsTest, AskForARunOnlyOnceAsItMayHaveBeenMade) {
  LoopingCall loop = StartedLoop();
  Future<absl::Status> made = loop.Trigger();
  server_.Next("TriggerLoop")->Finish(kUnavailable);
  EXPECT_EQ(made.Get().code(), absl::StatusCode::kUnavailable);
  Future<absl::Status> refused = loop.Trigger();
  server_.Next("TriggerLoop")
      ->Finish(Refused(grpc::StatusCode::FAILED_PRECONDITION, "RUN_UNDER_WAY"));
  EXPECT_EQ(ReasonOf(refused.Get()), "RUN_UNDER_WAY");
  EXPECT_TRUE(loop.deadline().has_value());
}

TEST_F(LoopsTest, KnowByThemselvesThatTheyAreOver) {
  LoopingCall loop = StartedLoop();
  stream_->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 1));
  EXPECT_EQ(loop.done().Get().end, End::kCompleted);
  EXPECT_EQ(ReasonOf(loop.Pause().Get()), "NOT_RUNNING");
  EXPECT_EQ(ReasonOf(loop.Resume().Get()), "NOT_RUNNING");
  EXPECT_EQ(ReasonOf(loop.Reset().Get()), "NOT_RUNNING");
  EXPECT_EQ(ReasonOf(loop.ChangeInterval(absl::Seconds(2)).Get()), "NOT_RUNNING");
  EXPECT_EQ(ReasonOf(loop.Trigger().Get()), "NOT_RUNNING");
  EXPECT_EQ(ReasonOf(loop.Stop().Get()), "NOT_RUNNING");
}

TEST_F(LoopsTest, RunAPlainTickOnceAndReportNothing) {
  release_.Set(true);
  LoopingCall loop = PlainLoop();
  for (uint64_t run : {1, 1, 2}) {
    stream_->Send(Tick(run));
  }
  stream_->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 3));
  EXPECT_EQ(loop.done().Get().end, End::kCompleted);
  uint64_t count = 0;
  for (const LoopTick& tick : ticks_) {
    count += tick.count;
  }
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(ticks_.back().run, 2u);
  EXPECT_TRUE(server_.Quiet("Report"));
}

TEST_F(LoopsTest, TellPlainTicksThatCameDuringARunAsMissed) {
  LoopingCall loop = PlainLoop();
  EnterFirstRun();
  stream_->Send(Tick(2));
  stream_->Send(Tick(3, 2));
  stream_->Send(Tick(4, 0));  // triggered
  stream_->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 5));
  EXPECT_FALSE(
      loop.Wait(absl::Milliseconds(50)).has_value());  // the function has not seen them yet
  release_.Set(true);
  EXPECT_EQ(loop.done().Get().end, End::kCompleted);
  ASSERT_EQ(ticks_.size(), 2u);
  EXPECT_EQ(ticks_[1].run, 4u);
  EXPECT_EQ(ticks_[1].count, 3u);
  EXPECT_EQ(ticks_[1].missed, 2u);
}

TEST_F(LoopsTest, RunAllPlainTicksWithinTheBoundOfTheirPolicy) {
  LoopingCall loop = PlainLoop({MissedTicks::Policy::kRunAll, 2});
  EnterFirstRun();
  for (uint64_t run : {2, 3, 4, 5}) {
    stream_->Send(Tick(run));
  }
  stream_->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 6));
  EXPECT_FALSE(loop.Wait(absl::Milliseconds(50)).has_value());
  release_.Set(true);
  EXPECT_EQ(loop.done().Get().end, End::kCompleted);
  ASSERT_EQ(ticks_.size(), 3u);
  EXPECT_EQ(ticks_[1].run, 4u);
  EXPECT_EQ(ticks_[1].count, 3u);
  EXPECT_EQ(ticks_[2].run, 5u);
  EXPECT_EQ(ticks_[2].count, 1u);
}

TEST_F(LoopsTest, AreStoppedByAPlainRunThatFails) {
  result_ = absl::DataLossError("torn");
  LoopingCall loop = PlainLoop();
  EnterFirstRun();
  stream_->Send(Tick(2));
  release_.Set(true);
  server_.Next("StopLoop")->Reply(v1::StopLoopResponse());
  stream_->Send(Tick(3));
  stream_->Send(MakeEvent(v1::Event::TYPE_STOPPED, 4));
  EXPECT_EQ(loop.done().Get().end, End::kStopped);
  EXPECT_EQ(ticks_.size(), 1u);
  EXPECT_TRUE(server_.Quiet("Report"));
}

TEST_F(LoopsTest, BeginNoPlainRunAfterAStop) {
  LoopingCall loop = PlainLoop();
  EnterFirstRun();
  stream_->Send(Tick(2));
  Future<absl::Status> stopped = loop.Stop();
  server_.Next("StopLoop")->Reply(v1::StopLoopResponse());
  EXPECT_TRUE(stopped.Get().ok());
  stream_->Send(MakeEvent(v1::Event::TYPE_STOPPED, 3));
  EXPECT_FALSE(loop.Wait(absl::Milliseconds(50)).has_value());  // the first run goes on
  release_.Set(true);
  EXPECT_EQ(loop.done().Get().end, End::kStopped);
  EXPECT_EQ(ticks_.size(), 1u);
}

TEST_F(LoopsTest, EndAtOnceByACancelDuringAPlainRun) {
  LoopingCall loop = PlainLoop();
  EnterFirstRun();
  stream_->Send(Tick(2));
  stream_->Send(MakeEvent(v1::Event::TYPE_CANCELLED, 3));
  EXPECT_EQ(loop.done().Get().end, End::kCancelled);
  release_.Set(true);
  DelayedCall behind = narrow_.CallLater(absl::ZeroDuration(), [] {});
  Accept("Schedule", behind)->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  behind.done().Get();
  EXPECT_EQ(ticks_.size(), 1u);
}

}  // namespace
}  // namespace timerd::testing
