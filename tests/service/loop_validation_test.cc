// What loops may be asked to be, each policy by itself and together with others.
#include <chrono>

#include "tests/service/validation_fixture.h"

namespace timerd::service {
namespace {

using ::std::chrono::seconds;
using Policy = timer::MissedTicks::Policy;

class LoopValidationTest : public ValidationTest {
 protected:
  // A loop "l" of one second that is otherwise as `text` says.
  auto Loop(const std::string& text) const {
    return StartLoop("id: 'l' interval { seconds: 1 } " + text);
  }
  auto Cron(const std::string& text) const { return StartLoop("id: 'l' cron { " + text + " }"); }
};

TEST_F(LoopValidationTest, TakesALoopThatNamesNoPolicyAsReportedAtAFixedRate) {
  const auto spec = Loop("");
  TIMERD_ASSERT_OK(spec);
  EXPECT_TRUE(spec->reported);
  EXPECT_FALSE(spec->start_now);
  EXPECT_EQ(spec->loop->cron, nullptr);
  EXPECT_EQ(spec->loop->pacing, timer::Pacing::kFixedRate);
  EXPECT_EQ(spec->loop->missed, timer::MissedTicks());
  EXPECT_EQ(spec->loop->max_runs, std::nullopt);
  EXPECT_EQ(spec->loop->until, std::nullopt);
  EXPECT_EQ(spec->loop->jitter, Span::zero());
}

TEST_F(LoopValidationTest, TakesWhatALoopSays) {
  const auto spec = Loop(
      "plain: true pacing: PACING_FIXED_RATE max_runs: 3 until { seconds: 5 } "
      "jitter { nanos: 7 } missed_ticks { policy: POLICY_RUN_ALL max_runs: 9 window { seconds: 2 "
      "} }");
  TIMERD_ASSERT_OK(spec);
  EXPECT_FALSE(spec->reported);
  EXPECT_EQ(spec->loop->max_runs, 3u);
  EXPECT_EQ(spec->loop->until, 5'000'000'000);
  EXPECT_EQ(spec->loop->jitter, Span(7));
  EXPECT_EQ(spec->loop->missed, (timer::MissedTicks{Policy::kRunAll, 9, seconds(2)}));
  EXPECT_EQ(Loop("pacing: PACING_FIXED_DELAY")->loop->pacing, timer::Pacing::kFixedDelay);
  EXPECT_EQ(Loop("missed_ticks { policy: POLICY_RUN_ONCE }")->loop->missed,
            timer::MissedTicks{Policy::kRunOnce});
}

TEST_F(LoopValidationTest, WantsAnIntervalOrCron) {
  EXPECT_THAT(
      StartLoop("id: 'l'"),
      BadField("interval", "loop \"l\": neither interval nor cron is set; set exactly one"));
  EXPECT_THAT(StartLoop("id: 'l' interval { seconds: 1 } cron { expression: '@daily' }"),
              BadField("interval", "loop \"l\": both interval and cron are set; set exactly one"));
}

TEST_F(LoopValidationTest, BoundsIntervals) {
  EXPECT_THAT(StartLoop("id: 'l' interval { nanos: 999999 }"),
              BadField("interval", "interval 999.999us is shorter than the 1ms tick; use 0s, or"));
  EXPECT_THAT(StartLoop("id: 'l' interval { nanos: -1 }"), BadField("interval", "is negative"));
  EXPECT_THAT(StartLoop("id: 'l' interval { seconds: 1 nanos: -1 }"),
              BadField("interval", "malformed"));
}

// ---- Cron --------------------------------------------------------------------------------------

TEST_F(LoopValidationTest, TakesCronInATimeZone) {
  const auto spec = Cron("expression: '30 9 * * MON-FRI' time_zone: 'Europe/Berlin'");
  TIMERD_ASSERT_OK(spec);
  EXPECT_EQ(spec->span, Span::zero());
  EXPECT_EQ(spec->loop->cron->expression(), "30 9 * * MON-FRI");
  EXPECT_EQ(spec->loop->cron->time_zone(), "Europe/Berlin");
  EXPECT_EQ(Cron("expression: '@daily'")->loop->cron->time_zone(), "");
}

TEST_F(LoopValidationTest, NamesWhatIsWrongWithCron) {
  EXPECT_THAT(Cron("expression: 'often'"),
              BadField("cron.expression",
                       "loop \"l\": cron.expression \"often\" has 1 fields; write five"));
  EXPECT_THAT(Cron(""), BadField("cron.expression", "loop \"l\": cron.expression \"\" has 0"));
  EXPECT_THAT(Cron("expression: '61 * * * *'"), BadField("cron.expression", "loop \"l\": cron."));
  EXPECT_THAT(Cron("expression: '0 0 30 2 *'"), BadField("cron.expression", "never matches"));
  EXPECT_THAT(Cron("expression: '" + std::string(257, '*') + "'"),
              BadField("cron.expression", "of 257 bytes is longer than 256 bytes; use"));
  EXPECT_THAT(Cron("expression: '@daily' time_zone: 'Europe/Atlantis'"),
              BadField("cron.time_zone",
                       "loop \"l\": cron.time_zone \"Europe/Atlantis\" is not in this server's"));
  EXPECT_THAT(Cron("expression: '@daily' time_zone: '../../etc/passwd'"),
              BadField("cron.time_zone", "use an IANA name such as \"Europe/Berlin\""));
}

// ---- Each bound --------------------------------------------------------------------------------

TEST_F(LoopValidationTest, WantsAtLeastOneRun) {
  EXPECT_EQ(Loop("max_runs: 1")->loop->max_runs, 1u);
  EXPECT_EQ(Loop("max_runs: 18446744073709551615")->loop->max_runs, ~uint64_t{0});
  EXPECT_THAT(Loop("max_runs: 0"),
              BadField("max_runs", "loop \"l\": max_runs is 0, a loop that never runs; use 1 or"));
}

TEST_F(LoopValidationTest, WantsAWellFormedLastTime) {
  EXPECT_THAT(Loop("until { nanos: 1000000000 }"),
              BadField("until", "loop \"l\": until {seconds: 0, nanos: 1000000000} is malformed"));
  EXPECT_THAT(Loop("until { seconds: 253402300800 }"), BadField("until", "from year 1 to 9999"));
}

TEST_F(LoopValidationTest, WantsJitterShorterThanTheInterval) {
  EXPECT_EQ(Loop("jitter { nanos: 999999999 }")->loop->jitter, Span(999'999'999));
  EXPECT_THAT(Loop("jitter { seconds: 1 }"),
              BadField("jitter",
                       "loop \"l\": jitter 1s is not shorter than the interval of 1s; "
                       "use a shorter one"));
  EXPECT_THAT(Loop("jitter { nanos: -1 }"), BadField("jitter", "is negative; use 0s or more"));
  EXPECT_THAT(StartLoop("interval {} jitter { nanos: 1 }"),
              BadField("jitter", "not shorter than the interval of 0"));
  EXPECT_THAT(StartLoop("interval {} jitter {}"), IsOk());
  EXPECT_THAT(StartLoop("cron { expression: '* * * * *' } jitter { seconds: 100 }"), IsOk());
  EXPECT_THAT(StartLoop("cron { expression: '* * * * *' } jitter { seconds: 101 }"),
              BadField("jitter", "is above --max-delay=1m40s"));
}

TEST_F(LoopValidationTest, BoundsWhatIsMadeUpFor) {
  const auto run_all = [&](const std::string& text) {
    return Loop("missed_ticks { policy: POLICY_RUN_ALL " + text + " }");
  };
  EXPECT_EQ(run_all("")->loop->missed.max_runs, 100u);  // the default
  EXPECT_EQ(run_all("max_runs: 10000")->loop->missed.max_runs, 10'000u);
  EXPECT_THAT(run_all("max_runs: 10001"),
              BadField("missed_ticks.max_runs",
                       "loop \"l\": missed_ticks.max_runs 10001 is above 10000; use fewer"));
  EXPECT_EQ(run_all("window { nanos: 1000000 }")->loop->missed.window, kTickDuration);
  EXPECT_THAT(run_all("window { nanos: 999999 }"),
              BadField("missed_ticks.window",
                       "missed_ticks.window 999.999us is shorter than the 1ms tick; use a longer"));
  EXPECT_THAT(run_all("window {}"), BadField("missed_ticks.window", "shorter than the 1ms tick"));
  EXPECT_THAT(run_all("window { seconds: -1 }"), BadField("missed_ticks.window", "is negative"));
  EXPECT_THAT(run_all("window { seconds: 101 }"), BadField("missed_ticks.window", "--max-delay"));
}

TEST_F(LoopValidationTest, RefusesPoliciesThatItDoesNotKnow) {
  EXPECT_THAT(Loop("missed_ticks { policy: 4 }"),
              BadField("missed_ticks.policy",
                       "loop \"l\": missed_ticks.policy 4 is not a policy; use POLICY_SKIP, "));
  EXPECT_THAT(Loop("pacing: 3"),
              BadField("pacing", "loop \"l\": pacing 3 is not one; use PACING_"));
}

// ---- What contradicts what ---------------------------------------------------------------------

TEST_F(LoopValidationTest, RefusesBoundsOfAnotherPolicy) {
  for (const std::string policy : {"", "policy: POLICY_SKIP", "policy: POLICY_RUN_ONCE"}) {
    EXPECT_THAT(Loop("missed_ticks { " + policy + " max_runs: 5 }"),
                BadField("missed_ticks.max_runs",
                         "missed_ticks.max_runs bounds POLICY_RUN_ALL, and the policy is another"));
    EXPECT_THAT(Loop("missed_ticks { " + policy + " window { seconds: 1 } }"),
                BadField("missed_ticks.window", "leave it out, or use POLICY_RUN_ALL"));
  }
}

TEST_F(LoopValidationTest, RefusesAFixedDelayWithCron) {
  EXPECT_THAT(StartLoop("id: 'l' cron { expression: '@daily' } pacing: PACING_FIXED_DELAY"),
              BadField("pacing",
                       "loop \"l\": PACING_FIXED_DELAY goes by an interval, and this "
                       "loop goes by cron; use one of the two"));
  EXPECT_THAT(StartLoop("cron { expression: '@daily' } pacing: PACING_FIXED_RATE"), IsOk());
}

TEST_F(LoopValidationTest, RefusesToMakeUpForTicksThatAFixedDelayNeverMisses) {
  for (const std::string policy : {"POLICY_RUN_ONCE", "POLICY_RUN_ALL"}) {
    EXPECT_THAT(Loop("pacing: PACING_FIXED_DELAY missed_ticks { policy: " + policy + " }"),
                BadField("missed_ticks.policy",
                         "loop \"l\": with PACING_FIXED_DELAY no tick is ever missed"));
  }
  EXPECT_THAT(Loop("pacing: PACING_FIXED_DELAY missed_ticks { policy: POLICY_SKIP }"), IsOk());
}

TEST_F(LoopValidationTest, RefusesNoIntervalWhereNothingWouldSlowTheLoopDown) {
  EXPECT_THAT(StartLoop("interval {} plain: true"),
              BadField("interval",
                       "loop: interval 0s in a plain loop would never let it rest; use "
                       "1ms or more"));
  EXPECT_THAT(StartLoop("interval {} missed_ticks { policy: POLICY_RUN_ONCE }"),
              BadField("interval", "in a loop that makes up for ticks"));
  EXPECT_THAT(StartLoop("interval {} pacing: PACING_FIXED_DELAY"), IsOk());
  EXPECT_THAT(StartLoop("interval {} missed_ticks { policy: POLICY_SKIP }"), IsOk());
}

TEST_F(LoopValidationTest, TakesEachPolicyWithCron) {
  EXPECT_THAT(StartLoop("cron { expression: '@daily' } plain: true start_now: true max_runs: 5 "
                        "missed_ticks { policy: POLICY_RUN_ALL }"),
              IsOk());
}

// ---- A new interval ----------------------------------------------------------------------------

TEST_F(LoopValidationTest, BoundsANewInterval) {
  EXPECT_EQ(*ChangeInterval("id: 'l' interval { seconds: 100 }"), seconds(100));
  EXPECT_EQ(*ChangeInterval("id: 'l' interval {}"), Span::zero());
  EXPECT_THAT(ChangeInterval("id: 'l'"),
              BadField("interval", "ChangeInterval of \"l\": interval is not set; set it"));
  EXPECT_THAT(ChangeInterval("id: 'l' interval { nanos: 999999 }"),
              BadField("interval", "ChangeInterval of \"l\": interval 999.999us is shorter"));
  EXPECT_THAT(ChangeInterval("id: 'l' interval { seconds: 101 }"),
              BadField("interval", "--max-delay"));
}

}  // namespace
}  // namespace timerd::service
