// What a restart makes of a handle: what is written of it, and read again.
#include "server/reactor/codec.h"
#include "tests/timer/loop_fixture.h"

namespace timerd::timer {
namespace {

class RestartTest : public LoopFixture {
 protected:
  static Handle Restarted(const Handle& handle) {
    return reactor::Decode(handle.key, reactor::EncodeSpec(handle), reactor::EncodeState(handle))
        .value();
  }
};

TEST_F(RestartTest, TimesATaskOutNoEarlierThanItsLastHeartbeatAskedForAndNotMuchLater) {
  Handle task = MakeTask(40);
  int compared = 0;
  for (double now = 1; now < 200; now += 1.5, ++compared) {
    TIMERD_ASSERT_OK(Reschedule(task, FromNow{Seconds(40)}, At(now)));
    const Handle restarted = Restarted(task);
    EXPECT_GE(NextDueOf(restarted), now + 40);
    EXPECT_LE(NextDueOf(restarted), now + 50);
    EXPECT_FALSE(HasReservation(restarted));
    EXPECT_EQ(AllDue(restarted), AllDue(task));
  }
  EXPECT_GT(compared, 100);
}

TEST_F(RestartTest, LetsHeartbeatsGoOn) {
  Handle task = MakeTask(40);
  TIMERD_ASSERT_OK(Reschedule(task, FromNow{Seconds(40)}, At(1)));
  Handle restarted = Restarted(task);
  int written = 0;
  for (double now = 2; now <= 100; now += 1) {
    Context& context = At(now);
    TIMERD_ASSERT_OK(Reschedule(restarted, FromNow{Seconds(40)}, context));
    EXPECT_EQ(NextDueOf(restarted), now + 40);
    written += !context.covered;
  }
  EXPECT_LE(written, 12);
}

TEST_F(RestartTest, MovesNoJitter) {
  Handle loop = MakeLoopOf({.jitter = Seconds(0.5)});
  for (int tick = 1; tick <= 20; ++tick) {
    Handle restarted = Restarted(loop);
    EXPECT_EQ(restarted.due, loop.due);
    for (Handle* each : {&restarted, &loop}) {
      ASSERT_EQ(Fire(*each, At(tick + 0.5)), Fired::kEvent);
      TIMERD_ASSERT_OK(Report(*each, each->run, kSuccess, At(tick + 0.5)));
    }
    EXPECT_EQ(restarted.due->at, loop.due->at);
    loop = std::move(restarted);
  }
}

TEST_F(RestartTest, ForetellsTheSame) {
  const auto every_ten = CronSchedule::Parse("*/10 * * * * *", "Europe/Berlin").value();
  for (const LoopPolicy& policy :
       {LoopPolicy{.jitter = Seconds(0.5)}, LoopPolicy{.pacing = Pacing::kFixedDelay},
        LoopPolicy{.cron = every_ten, .jitter = Seconds(5)},
        LoopPolicy{.missed = {MissedTicks::Policy::kRunAll, 2, Seconds(9)}, .max_runs = 7},
        LoopPolicy{.until = ToNanos(::timerd::testing::At(5))}}) {
    for (const bool start_now : {false, true}) {
      const Handle loop = MakeLoopOf(policy, {.start_now = start_now});
      const auto foretold = Upcoming(loop, 10, ::timerd::testing::At(4), wall_ahead_);
      EXPECT_FALSE(foretold.empty());
      EXPECT_EQ(Upcoming(Restarted(loop), 10, ::timerd::testing::At(4), wall_ahead_), foretold);
    }
  }
}

TEST_F(RestartTest, TellsAnOutageAsMissed) {
  Handle loop = Restarted(MakeLoopOf({}));
  ExpectTick(loop, 60.5, 1, 60);
  loop = Restarted(loop);
  EXPECT_EQ(loop.loop->missed_ticks, 59u);
  ReportSuccess(loop, 60.5, 61);
}

TEST_F(RestartTest, KeepsAPauseWhateverItsPhase) {
  Handle paused = MakeLoopOf({});
  TIMERD_ASSERT_OK(Pause(paused, At(0.5)));
  paused = Restarted(paused);
  EXPECT_EQ(paused.phase, Phase::kPaused);
  TIMERD_EXPECT_OK(Resume(paused, At(3.5)));
  ExpectTick(paused, 4, 1, 4);
  TIMERD_ASSERT_OK(Pause(paused, At(4)));
  paused = Restarted(paused);
  TIMERD_ASSERT_OK(Report(paused, 1, kSuccess, At(4.5)));
  EXPECT_EQ(paused.phase, Phase::kPaused);
}

TEST_F(RestartTest, KeepsAnIntervalThatWasChanged) {
  Handle loop = MakeLoopOf({}, {.start_now = true});
  TIMERD_ASSERT_OK(ChangeInterval(loop, Seconds(4), At(0.5)));
  loop = Restarted(loop);
  ReportSuccess(loop, 1.5, 4);
  EXPECT_EQ(FindDifference(loop, SpecOf({}, {.start_now = true})), std::nullopt);
}

TEST_F(RestartTest, KeepsTheKeyOfATimeOut) {
  Handle timer = MakeTimer(100, false);
  TIMERD_ASSERT_OK(Bound(timer, Seconds(5), std::nullopt, "k", At(0)));
  timer = Restarted(timer);
  TIMERD_ASSERT_OK(Bound(timer, Seconds(5), std::nullopt, "k", At(1)));
  EXPECT_EQ(timer.timeouts.size(), 1u);
}

TEST_F(RestartTest, KeepsWhatDependsOnTheWallClockThere) {
  const Handle timer = Create(
      "space/t", {.kind = Kind::kTimer, .at = ToNanos(::timerd::testing::At(15))}, nullptr, At(0));
  wall_ahead_ = Seconds(5);
  EXPECT_EQ(NextDueOf(Restarted(timer)), 10);
}

TEST_F(RestartTest, KeepsTheWaitForALostClient) {
  Handle timer = Create("space/t",
                        {.kind = Kind::kTimer,
                         .reported = true,
                         .span = Seconds(1),
                         .client_lost_after = Seconds(10)},
                        nullptr, At(0));
  Fire(timer, At(1));
  timer = Restarted(timer);
  serving_since_ = ::timerd::testing::At(60);
  EXPECT_EQ(Fire(timer, At(60)), Fired::kMoved);
  EXPECT_EQ(Fire(timer, At(70)), Fired::kEvent);
  EXPECT_EQ(event().reason, EndReason::kClientLost);
}

}  // namespace
}  // namespace timerd::timer
