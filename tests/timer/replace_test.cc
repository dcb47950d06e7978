// One handle in the place of another, and what tells one request from another.
#include "tests/timer/loop_fixture.h"

namespace timerd::timer {
namespace {

class ReplaceTest : public LoopFixture {
 protected:
  static Spec TimerSpec() { return {.kind = Kind::kTimer, .reported = true, .span = Seconds(1)}; }
};

TEST_F(ReplaceTest, EndsWhatIsThereAsReplaced) {
  Handle pending = MakeTimer(1, false);
  EndReplaced(pending, At(0.5));
  EXPECT_EQ(event().type, EventType::kCancelled);
  EXPECT_EQ(event().reason, EndReason::kReplaced);
  EXPECT_EQ(event().run, 0u);
  EXPECT_EQ(NextDueOf(pending), -1);
  Handle running = MakeTimer(1, true);
  Fire(running, At(1));
  EndReplaced(running, At(2));
  EXPECT_EQ(event().run, 1u);
  EXPECT_THAT(Cancel(running, At(3)), IsRefused(Reason::kAlreadyCancelled));
}

TEST_F(ReplaceTest, LeavesAnEndAsItIs) {
  Handle timer = MakeTimer(1, false);
  Fire(timer, At(1));
  EndReplaced(timer, At(2));
  EXPECT_EQ(event_count(), 0u);
  EXPECT_EQ(timer.end->type, EventType::kFired);
}

TEST_F(ReplaceTest, BeginsTheNextGenerationWhoseSequenceGoesOn) {
  Handle first = Create("space/t", TimerSpec(), nullptr, At(0));
  EXPECT_EQ(first.generation, 1u);
  Fire(first, At(1));
  EndReplaced(first, At(2));
  EXPECT_EQ(first.sequence, 2u);
  Handle second = Create("space/t", TimerSpec(), &first, At(2));
  EXPECT_EQ(second.generation, 2u);
  EXPECT_EQ(second.run, 0u);
  EXPECT_EQ(second.created, ::timerd::testing::At(2));
  EXPECT_EQ(DueOf(second), 3);
  Fire(second, At(3));
  EXPECT_EQ(event().sequence, 3u);
  EXPECT_EQ(event().run, 1u);
}

TEST_F(ReplaceTest, StartsALoopAgainFromTheBeginning) {
  Handle first = MakeLoopOf({.max_runs = 1}, {.start_now = true});
  ReportEnds(first, 5.5, EventType::kCompleted);
  Handle second = Create("space/l", SpecOf({.max_runs = 1}), &first, At(5.5));
  EXPECT_EQ(second.phase, Phase::kPending);
  EXPECT_EQ(second.loop->missed_ticks, 0u);
  ExpectTick(second, 6.5, 1, 1);
  EXPECT_EQ(event().sequence, 3u);
}

TEST_F(ReplaceTest, LeavesNothingOfTheOldHandlesRetention) {
  Handle first = Create("space/t", TimerSpec(), nullptr, At(0));
  TIMERD_ASSERT_OK(Cancel(first, At(0.5)));
  EXPECT_TRUE(first.retention.has_value());
  const Handle second = Create("space/t", TimerSpec(), &first, At(0.5));
  EXPECT_FALSE(second.retention.has_value());
  EXPECT_FALSE(IsForgotten(second, ::timerd::testing::At(1e6)));
}

// ---- The same request again --------------------------------------------------------------------

using SameRequestTest = ReplaceTest;

TEST_F(SameRequestTest, DiffersInEachFieldOfItsContents) {
  const auto differs = [&](const Spec& made, const Spec& asked) {
    return FindDifference(Create("space/x", made, nullptr, At(0)), asked).value_or("nothing");
  };
  const auto with = [](Spec spec, auto change) {
    change(spec);
    return spec;
  };
  const Spec timer = TimerSpec();
  EXPECT_EQ(differs(timer, timer), "nothing");
  EXPECT_EQ(differs(timer, with(timer, [](Spec& s) { s.at = 5; })), "at");
  EXPECT_EQ(differs(timer, with(timer, [](Spec& s) { s.reported = false; })), "reported");
  EXPECT_EQ(differs(timer, with(timer, [](Spec& s) { s.client_lost_after = Seconds(1); })),
            "client_lost_after");
  const Spec task{.kind = Kind::kTask, .reported = true, .span = Seconds(1)};
  EXPECT_EQ(differs(task, with(task, [](Spec& s) { s.span = Seconds(2); })), "timeout");
  EXPECT_EQ(differs(task, with(task,
                               [](Spec& s) {
                                 s.fallback = Outcome{true, "a"};
                               })),
            "fallback");
  const Spec loop = SpecOf({});
  EXPECT_EQ(differs(loop, with(loop, [](Spec& s) { s.span = Seconds(2); })), "interval");
  EXPECT_EQ(differs(loop, with(loop, [](Spec& s) { s.reported = false; })), "plain");
  EXPECT_EQ(differs(loop, with(loop, [](Spec& s) { s.start_now = true; })), "start_now");
  EXPECT_EQ(differs(loop, with(loop, [](Spec& s) { s.loop.Edit().pacing = Pacing::kFixedDelay; })),
            "pacing");
  EXPECT_EQ(differs(loop, with(loop, [](Spec& s) { s.loop.Edit().missed.window = Seconds(1); })),
            "missed_ticks");
  EXPECT_EQ(differs(loop, with(loop, [](Spec& s) { s.loop.Edit().max_runs = 1; })), "max_runs");
  EXPECT_EQ(
      differs(loop, with(loop, [](Spec& s) { s.loop.Edit().until = 2'000'000'000'000'000'000; })),
      "until");
  EXPECT_EQ(differs(loop, with(loop, [](Spec& s) { s.loop.Edit().jitter = Seconds(0.1); })),
            "jitter");
}

TEST_F(SameRequestTest, ComparesCronByItsTexts) {
  const auto cron = [](const std::string& expression, const std::string& zone) {
    return SpecOf({.cron = CronSchedule::Parse(expression, zone).value()});
  };
  const Handle loop = Create("space/l", cron("0 9 * * *", "Europe/Berlin"), nullptr, At(0));
  EXPECT_EQ(FindDifference(loop, cron("0 9 * * *", "Europe/Berlin")), std::nullopt);
  EXPECT_EQ(FindDifference(loop, cron("0 9 * * *", "")), "cron");
  EXPECT_EQ(FindDifference(loop, cron("0 10 * * *", "Europe/Berlin")), "cron");
  Spec interval = SpecOf({});
  interval.span = Span::zero();
  EXPECT_EQ(FindDifference(loop, interval), "cron");
}

TEST_F(SameRequestTest, IsTheSameUnderAnotherIdempotencyKey) {
  Spec spec = TimerSpec();
  spec.idempotency_key = "first";
  const Handle timer = Create("space/t", spec, nullptr, At(0));
  spec.idempotency_key = "second";
  EXPECT_EQ(FindDifference(timer, spec), std::nullopt);
}

TEST_F(SameRequestTest, IsComparedWithWhatTheLoopWasMadeWith) {
  Handle loop = MakeLoopOf({});
  TIMERD_ASSERT_OK(ChangeInterval(loop, Seconds(2), At(0)));
  EXPECT_EQ(FindDifference(loop, SpecOf({})), std::nullopt);
}

// ---- Time-outs under a key ---------------------------------------------------------------------

class BoundKeyTest : public MachineTest {
 protected:
  // Returns the deadline that the answer names.
  double BoundUnder(const std::string& key, Handle& handle, double timeout, double now) {
    const auto deadline = Bound(handle, Seconds(timeout), std::nullopt, key, At(now));
    EXPECT_TRUE(deadline.ok() && deadline->has_value());
    return SecondsOf(**deadline);
  }
};

TEST_F(BoundKeyTest, PutsATimeOutOnce) {
  Handle timer = MakeTimer(100, false);
  EXPECT_EQ(BoundUnder("k", timer, 5, 0), 5);
  const uint64_t place = next_place_;
  Context& again = At(2);
  const auto deadline = Bound(timer, Seconds(5), std::nullopt, "k", again);
  TIMERD_ASSERT_OK(deadline);
  EXPECT_EQ(SecondsOf(**deadline), 5);  // not 7
  EXPECT_TRUE(again.covered);           // nothing to write
  EXPECT_EQ(next_place_, place);
  EXPECT_EQ(timer.timeouts.size(), 1u);
}

TEST_F(BoundKeyTest, TellsKeysApart) {
  Handle timer = MakeTimer(100, false);
  BoundUnder("k", timer, 5, 0);
  EXPECT_EQ(BoundUnder("other", timer, 5, 2), 7);
  EXPECT_EQ(timer.timeouts.size(), 2u);
}

TEST_F(BoundKeyTest, PutsOneEachTimeWithoutAKey) {
  Handle timer = MakeTimer(100, false);
  BoundUnder("", timer, 5, 0);
  EXPECT_EQ(BoundUnder("", timer, 5, 2), 7);
  EXPECT_EQ(timer.timeouts.size(), 2u);
}

TEST_F(BoundKeyTest, IsAnsweredPastTheLimitToo) {
  limits_.max_timeouts = 1;
  Handle timer = MakeTimer(100, false);
  BoundUnder("k", timer, 5, 0);
  EXPECT_EQ(BoundUnder("k", timer, 5, 1), 5);
  EXPECT_THAT(Bound(timer, Seconds(5), std::nullopt, "other", At(1)),
              IsRefused(Reason::kLimitExceeded));
}

TEST_F(BoundKeyTest, IsNotTheKeyThatATaskWasMadeUnder) {
  Handle task =
      Create("space/k",
             {.kind = Kind::kTask, .reported = true, .span = Seconds(9), .idempotency_key = "k"},
             nullptr, At(0));
  EXPECT_EQ(BoundUnder("k", task, 5, 0), 5);
}

}  // namespace
}  // namespace timerd::timer
