// What happens to the ticks that a loop missed: while a run was under way, or the server was down.
#include "tests/timer/loop_fixture.h"

namespace timerd::timer {
namespace {

using Policy = MissedTicks::Policy;

std::shared_ptr<const CronSchedule> EveryTenSeconds() {
  return CronSchedule::Parse("*/10 * * * * *", "").value();
}

// ---- Skip --------------------------------------------------------------------------------------

using SkipTest = LoopFixture;

TEST_F(SkipTest, IsThePolicyOfALoopThatNamesNone) {
  EXPECT_EQ(LoopPolicy().missed.policy, Policy::kSkip);
}

TEST_F(SkipTest, KeepsToTheScheduleAndTellsWhatWasMissed) {
  Handle loop = MakeLoopOf({.missed = {Policy::kSkip}});
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 4.2, 5);
  ExpectTickFor(loop, 5, 2, 4, 5);
  EXPECT_EQ(loop.loop->missed_ticks, 3u);
}

TEST_F(SkipTest, MakesOneTickForAllAfterAnOutage) {
  Handle loop = MakeLoopOf({.missed = {Policy::kSkip}});
  ExpectTickFor(loop, 60.5, 1, 60, 1);
  ReportSuccess(loop, 60.5, 61);
}

// ---- Run once ----------------------------------------------------------------------------------

class RunOnceTest : public LoopFixture {
 protected:
  Handle MakeOnce(bool plain = false) {
    return MakeLoopOf({.missed = {Policy::kRunOnce}}, {.plain = plain});
  }
};

TEST_F(RunOnceTest, TicksAtOnceForAllThatWereMissedAndThenOnSchedule) {
  Handle loop = MakeOnce();
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 4.2, 4.2);
  ExpectTickFor(loop, 4.2, 2, 3, 4.2);  // for 2, 3 and 4
  ReportSuccess(loop, 4.3, 5);
  ExpectTick(loop, 5, 3, 1);
  EXPECT_EQ(loop.loop->missed_ticks, 2u);
}

TEST_F(RunOnceTest, KeepsToTheScheduleWhenNothingWasMissed) {
  Handle loop = MakeOnce();
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 1.999, 2);
}

TEST_F(RunOnceTest, TakesABoundaryThatEqualsTheReportAsMissed) {
  Handle loop = MakeOnce();
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 2, 2);
  ExpectTick(loop, 2, 2, 1);
  ReportSuccess(loop, 2, 3);
}

TEST_F(RunOnceTest, MakesOneTickForAllAfterAnOutage) {
  Handle plain = MakeOnce(/*plain=*/true);
  ExpectTickFor(plain, 60.5, 1, 60, 1);
  EXPECT_EQ(event_count(), 1u);
  EXPECT_EQ(DueOf(plain), 61);
}

TEST_F(RunOnceTest, IsNotPutOffByJitter) {
  Handle loop =
      MakeLoopOf({.missed = {Policy::kRunOnce}, .jitter = Seconds(0.9)}, {.start_now = true});
  ReportSuccess(loop, 3.5, 3.5);
}

TEST_F(RunOnceTest, HoldsForCron) {
  Handle loop = MakeLoopOf({.cron = EveryTenSeconds(), .missed = {Policy::kRunOnce}});
  ExpectTick(loop, 10, 1, 1);
  ReportSuccess(loop, 33, 33);
  ExpectTick(loop, 33, 2, 2);
  ReportSuccess(loop, 34, 40);
}

// ---- Run all -----------------------------------------------------------------------------------

class RunAllTest : public LoopFixture {
 protected:
  Handle MakeAll(uint32_t max_runs, Span window = {}, const LoopShape& shape = kEachSecond) {
    return MakeLoopOf({.missed = {Policy::kRunAll, max_runs, window}}, shape);
  }
};

TEST_F(RunAllTest, TicksForEachOldestFirstWithItsOwnDeadline) {
  Handle loop = MakeAll(100);
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 4.2, 2);
  ExpectTickFor(loop, 4.2, 2, 1, 2);
  ReportSuccess(loop, 4.3, 3);
  ExpectTickFor(loop, 4.3, 3, 1, 3);
  ReportSuccess(loop, 4.4, 4);
  ExpectTickFor(loop, 4.4, 4, 1, 4);
  ReportSuccess(loop, 4.5, 5);
  ExpectTickFor(loop, 5, 5, 1, 5);
  EXPECT_EQ(loop.loop->missed_ticks, 0u);
}

TEST_F(RunAllTest, GoesOnWithWhatIsMissedWhileItCatchesUp) {
  Handle loop = MakeAll(100, {}, {.start_now = true});
  ReportSuccess(loop, 1.5, 1);
  ExpectTickFor(loop, 1.5, 2, 1, 1);
  ReportSuccess(loop, 2.5, 2);  // missed meanwhile
  ExpectTickFor(loop, 2.5, 3, 1, 2);
  ReportSuccess(loop, 2.5, 3);
}

TEST_F(RunAllTest, MakesUpForTheLatestOnesOnlyAndTellsTheOthersAsMissed) {
  Handle loop = MakeAll(2);
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 5.5, 2);
  ExpectTickFor(loop, 5.5, 2, 3, 4);  // for 2, 3 and 4
  ReportSuccess(loop, 5.6, 5);
  ExpectTickFor(loop, 5.6, 3, 1, 5);
  EXPECT_EQ(loop.loop->missed_ticks, 2u);
}

TEST_F(RunAllTest, MakesUpForThoseOfTheWindowOnly) {
  Handle loop = MakeAll(100, Seconds(2));
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 7.5, 2);
  ExpectTickFor(loop, 7.5, 2, 5, 6);  // for 2 to 6; 5 is 2.5 s old
  ReportSuccess(loop, 7.5, 7);
  ExpectTickFor(loop, 7.5, 3, 1, 7);
}

TEST_F(RunAllTest, CountsOneAsOldAsTheWindowIn) {
  Handle loop = MakeAll(100, Seconds(2));
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 7, 2);
  ExpectTickFor(loop, 7, 2, 4, 5);
}

TEST_F(RunAllTest, MakesUpForTheLastOneHoweverOldItIs) {
  Handle loop = MakeAll(100, Seconds(0.1));
  ExpectTick(loop, 1, 1, 1);
  ReportSuccess(loop, 7.5, 2);
  ExpectTickFor(loop, 7.5, 2, 6, 7);
  ReportSuccess(loop, 7.6, 8);
}

TEST_F(RunAllTest, IsBoundByTheTighterOfItsTwoBounds) {
  Handle loop = MakeAll(2, Seconds(5));
  ExpectTickFor(loop, 9.5, 1, 8, 8);
  ReportSuccess(loop, 9.5, 9);
}

TEST_F(RunAllTest, CatchesUpAfterAnOutageWithoutReportsWhenItIsPlain) {
  Handle loop = MakeAll(3, {}, {.plain = true});
  ExpectTickFor(loop, 60.5, 1, 58, 58);
  ExpectTickFor(loop, 60.5, 2, 1, 59);
  ExpectTickFor(loop, 60.5, 3, 1, 60);
  EXPECT_EQ(DueOf(loop), 61);
}

TEST_F(RunAllTest, CountsTheTicksItMakesUpForAgainstMaxRuns) {
  Handle loop = MakeLoopOf({.missed = {Policy::kRunAll, 100}, .max_runs = 2}, {.plain = true});
  ExpectTickFor(loop, 60.5, 1, 1, 1);
  ExpectTickFor(loop, 60.5, 2, 1, 2);
  EXPECT_EQ(loop.phase, Phase::kEnded);
}

TEST_F(RunAllTest, MakesUpForTicksBeforeTheLastTimeEvenAfterIt) {
  const int64_t until = ToNanos(::timerd::testing::At(3));
  Handle loop = MakeLoopOf({.missed = {Policy::kRunAll, 100}, .until = until}, {.plain = true});
  ExpectTickFor(loop, 60.5, 1, 1, 1);
  ExpectTickFor(loop, 60.5, 2, 1, 2);
  ExpectTickFor(loop, 60.5, 3, 1, 3);
  EXPECT_EQ(loop.phase, Phase::kEnded);
}

TEST_F(RunAllTest, HoldsForCron) {
  Handle loop =
      MakeLoopOf({.cron = EveryTenSeconds(), .missed = {Policy::kRunAll, 2}}, {.plain = true});
  ExpectTickFor(loop, 65, 1, 5, 50);
  EXPECT_EQ(events()[0].wall_deadline, ToNanos(::timerd::testing::At(50)));
  ExpectTickFor(loop, 65, 2, 1, 60);
  EXPECT_EQ(DueOf(loop), 70);
}

TEST_F(RunAllTest, HoldsForCronWithAWindow) {
  Handle loop =
      MakeLoopOf({.cron = EveryTenSeconds(), .missed = {Policy::kRunAll, 100, Seconds(25)}});
  ExpectTickFor(loop, 65, 1, 4, 40);
  ReportSuccess(loop, 65, 50);
}

// A tick may be late for another reason than having been missed: then its deadline is its own, but
// not later than the moment at which it acts.
TEST_F(RunAllTest, NeverTellsADeadlineAfterTheTimeOfTheTick) {
  int skipped = 0;
  for (int i = 0; i < 50; ++i) {
    Handle loop =
        Create("space/l" + std::to_string(i),
               SpecOf({.missed = {Policy::kRunAll, 1}, .jitter = Seconds(0.9)}), nullptr, At(0));
    ASSERT_EQ(Fire(loop, At(5.1)), Fired::kEvent);
    EXPECT_LE(*event().deadline, event().time);
    EXPECT_GE(SecondsOf(*event().deadline), 5);
    skipped += event().count == 5;
  }
  EXPECT_EQ(skipped, 50);
}

}  // namespace
}  // namespace timerd::timer
