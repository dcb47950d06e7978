// What Get foretells of a loop: each forecast is compared with what then happens.
#include "tests/timer/loop_fixture.h"

namespace timerd::timer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class UpcomingTest : public LoopFixture {
 protected:
  std::vector<double> UpcomingOf(const Handle& loop, double now, size_t limit = 10) const {
    std::vector<double> seconds;
    for (const Instant instant : Upcoming(loop, limit, ::timerd::testing::At(now), wall_ahead_)) {
      seconds.push_back(SecondsOf(instant));
    }
    return seconds;
  }
  // The deadlines of the next ticks, at most `limit`, if whatever runs at `now` and each run after
  // it is reported at once, and no tick is later than the wheel makes it.
  std::vector<double> WhatHappens(Handle loop, double now, size_t limit = 10) {
    std::vector<double> seconds;
    const auto report = [&] {
      if (loop.phase == Phase::kRunning) {
        EXPECT_TRUE(Report(loop, loop.run, kSuccess, At(now)).ok());
      }
    };
    report();
    while (seconds.size() < limit && loop.due) {
      now = std::max(now, NextDueOf(loop));
      EXPECT_EQ(Fire(loop, At(now)), Fired::kEvent);
      seconds.push_back(SecondsOf(*events()[0].deadline));
      report();
    }
    return seconds;
  }
  void ExpectForetold(const Handle& loop, double now) {
    const std::vector<double> foretold = UpcomingOf(loop, now);
    EXPECT_FALSE(foretold.empty());
    EXPECT_EQ(foretold, WhatHappens(loop, now));
  }
};

TEST_F(UpcomingTest, ListsTheNextDeadlines) {
  Handle loop = MakeLoopOf({});
  EXPECT_THAT(UpcomingOf(loop, 0, 3), ElementsAre(1, 2, 3));
  ExpectTick(loop, 1, 1, 1);
  EXPECT_THAT(UpcomingOf(loop, 4.5, 3), ElementsAre(5, 6, 7));  // a run is under way
}

TEST_F(UpcomingTest, EndsWhereTheLoopDoes) {
  Handle loop = MakeLoopOf({.max_runs = 3});
  EXPECT_THAT(UpcomingOf(loop, 0), ElementsAre(1, 2, 3));
  ExpectTick(loop, 1, 1, 1);
  EXPECT_THAT(UpcomingOf(loop, 1), ElementsAre(2, 3));
  const Handle until = MakeLoopOf({.until = ToNanos(::timerd::testing::At(2.5))});
  EXPECT_THAT(UpcomingOf(until, 0), ElementsAre(1, 2));
}

TEST_F(UpcomingTest, IsEmptyWithoutANextDeadline) {
  Handle paused = MakeLoopOf({});
  TIMERD_ASSERT_OK(Pause(paused, At(0)));
  EXPECT_THAT(UpcomingOf(paused, 0), IsEmpty());
  Handle stopping = MakeLoopOf({}, {.start_now = true});
  TIMERD_ASSERT_OK(Stop(stopping, At(0)));
  EXPECT_THAT(UpcomingOf(stopping, 0), IsEmpty());
  TIMERD_ASSERT_OK(Cancel(stopping, At(0)));
  EXPECT_THAT(UpcomingOf(stopping, 0), IsEmpty());
  Handle last = MakeLoopOf({.max_runs = 1}, {.start_now = true});
  EXPECT_THAT(UpcomingOf(last, 0), IsEmpty());
  EXPECT_THAT(UpcomingOf(MakeTimer(1, false), 0), IsEmpty());
}

TEST_F(UpcomingTest, NamesOneDeadlineWithoutAnInterval) {
  Handle loop = MakeLoopOf({}, {.interval = 0});
  EXPECT_THAT(UpcomingOf(loop, 0), ElementsAre(0));
  Fire(loop, At(0));
  EXPECT_THAT(UpcomingOf(loop, 0), IsEmpty());
}

TEST_F(UpcomingTest, ForetellsJitter) {
  ExpectForetold(MakeLoopOf({.jitter = Seconds(0.5)}), 0);
  ExpectForetold(MakeLoopOf({.jitter = Seconds(0.5)}, {.start_now = true}), 3.25);
  ExpectForetold(MakeLoopOf({.until = ToNanos(::timerd::testing::At(4)), .jitter = Seconds(0.9)}),
                 0);
}

TEST_F(UpcomingTest, ForetellsFixedDelays) {
  ExpectForetold(MakeLoopOf({.pacing = Pacing::kFixedDelay}), 0);
  // Jitter puts off the run, and so what is counted from its end.
  ExpectForetold(MakeLoopOf({.pacing = Pacing::kFixedDelay, .jitter = Seconds(0.5)}), 0);
  ExpectForetold(MakeLoopOf({.pacing = Pacing::kFixedDelay}, {.start_now = true}), 3.25);
}

TEST_F(UpcomingTest, ForetellsTicksThatAreMadeUpFor) {
  using Policy = MissedTicks::Policy;
  for (const MissedTicks& missed :
       {MissedTicks{Policy::kSkip}, MissedTicks{Policy::kRunOnce},
        MissedTicks{Policy::kRunAll, 100}, MissedTicks{Policy::kRunAll, 3},
        MissedTicks{Policy::kRunAll, 100, Seconds(2)}}) {
    SCOPED_TRACE(static_cast<int>(missed.policy));
    ExpectForetold(MakeLoopOf({.missed = missed}, {.start_now = true}), 7.25);  // a long run
    ExpectForetold(MakeLoopOf({.missed = missed, .jitter = Seconds(0.5)}, {.start_now = true}),
                   7.25);
    ExpectForetold(MakeLoopOf({.missed = missed}), 7.25);  // overdue, as on a late server
  }
}

TEST_F(UpcomingTest, ForetellsCronOnTheServiceTimeline) {
  wall_ahead_ = Seconds(4);
  const auto every_ten = CronSchedule::Parse("*/10 * * * * *", "").value();
  const Handle loop = MakeLoopOf({.cron = every_ten});
  EXPECT_THAT(UpcomingOf(loop, 0, 3), ElementsAre(6, 16, 26));
  ExpectForetold(loop, 0);
  ExpectForetold(MakeLoopOf({.cron = every_ten, .jitter = Seconds(5)}, {.start_now = true}), 33);
  Handle set_back = MakeLoopOf({.cron = every_ten}, {.start_now = true});
  wall_ahead_ = Seconds(-60);
  ExpectForetold(set_back, 1);
}

TEST_F(UpcomingTest, NamesADeadlineThatStillActsAlthoughTheWallClockHasPassedTheLastTime) {
  const Handle loop = MakeLoopOf({.until = ToNanos(::timerd::testing::At(10))});
  wall_ahead_ = Seconds(60);
  EXPECT_THAT(UpcomingOf(loop, 0), ElementsAre(1));
  ExpectForetold(loop, 0);
}

// Ten times the longest interval is more than 64 bits of nanoseconds hold.
TEST_F(UpcomingTest, EndsWhereInstantsDo) {
  const double century = std::chrono::duration<double>(limits_.max_delay).count();
  for (const LoopPolicy& policy :
       {LoopPolicy{}, LoopPolicy{.jitter = limits_.max_delay - Span(1)},
        LoopPolicy{.until = std::numeric_limits<int64_t>::max()},
        LoopPolicy{.pacing = Pacing::kFixedDelay, .jitter = limits_.max_delay - Span(1)}}) {
    const std::vector<double> foretold = UpcomingOf(MakeLoopOf(policy, {.interval = century}), 0);
    EXPECT_FALSE(foretold.empty());
    EXPECT_LE(foretold.size(), 2u);
    for (size_t i = 0; i < foretold.size(); ++i) {
      EXPECT_GE(foretold[i], century * static_cast<double>(i + 1));
    }
  }
}

}  // namespace
}  // namespace timerd::timer
