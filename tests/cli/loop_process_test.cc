// The verbs and flags of loops.
#include <gmock/gmock.h>

#include "tests/cli/timerctl_test.h"

namespace timerd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kAcknowledged[] =
    "acknowledged { id: 'beat' now { seconds: 1795510800 } deadline { seconds: 1795510801 } }";
constexpr char kTick[] =
    "event { id: 'beat' kind: KIND_LOOP type: TYPE_TICK sequence: 1 run: 1 count: 1 "
    "time { seconds: 1795510801 } deadline { seconds: 1795510801 } "
    "wall_deadline { seconds: 1795510801 } }";
constexpr char kCompleted[] = "event { id: 'beat' sequence: 2 time {} type: TYPE_COMPLETED }";

TEST_F(TimerctlTest, StartsALoopByCron) {
  fake_.AnswerWith({{kAcknowledged, kTick, kCompleted}});
  const Result result = Run({"loop", "--cron=0 9 * * MON-FRI", "--zone=Europe/Berlin",
                             "--missed=run-all", "--missed-max=3", "--max-runs=1", "--id=beat"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, HasSubstr("  TICK       run 1  on time  for 2026-11-24 09:00:01.000\n"));
  EXPECT_THAT(
      fake_.requests(),
      ElementsAre("StartLoop { id: \"beat\" cron { expression: \"0 9 * * MON-FRI\" time_zone: "
                  "\"Europe/Berlin\" } missed_ticks { policy: POLICY_RUN_ALL max_runs: 3 } "
                  "max_runs: 1 }"));
}

TEST_F(TimerctlTest, AsksForNoReportOfAPlainLoop) {
  fake_.AnswerWith({{kAcknowledged, kTick, kCompleted}});
  EXPECT_EQ(Run({"loop", "--every=1s", "--plain"}).err, "");
  EXPECT_THAT(Run({"loop", "--every=1s"}).err, HasSubstr("waits for: timerctl report beat"));
}

TEST_F(TimerctlTest, ShowsWhyAHandleEnded) {
  fake_.AnswerWith({{kAcknowledged,
                     "event { id: 'beat' sequence: 1 time {} type: TYPE_CANCELLED "
                     "reason: 'REPLACED' }"}});
  const Result result = Run({"watch", "beat"});
  EXPECT_EQ(result.code, 4);
  EXPECT_THAT(result.out, HasSubstr("  CANCELLED  replaced\n"));
}

TEST_F(TimerctlTest, Pauses) {
  fake_.AnswerWith({{"state: STATE_PAUSED now { seconds: 1795510800 }"}});
  EXPECT_EQ(Run({"pause", "beat"}).out, "beat paused at 2026-11-24 09:00:00.000\n");
  EXPECT_THAT(fake_.requests(), ElementsAre("PauseLoop { id: \"beat\" }"));
}

TEST_F(TimerctlTest, Resumes) {
  fake_.AnswerWith(
      {{"state: STATE_PENDING now { seconds: 1795510800 } "
        "deadline { seconds: 1795510801 }"}});
  EXPECT_EQ(Run({"resume", "beat"}).out,
            "beat goes on, next tick 2026-11-24 09:00:01.000 (in 1 s)\n");
  EXPECT_THAT(fake_.requests(), ElementsAre("ResumeLoop { id: \"beat\" }"));
}

TEST_F(TimerctlTest, Resets) {
  fake_.AnswerWith({{"state: STATE_RUNNING"}});
  EXPECT_EQ(Run({"reset", "beat"}).out, "beat is as it was: a reset does nothing during a run\n");
  EXPECT_THAT(fake_.requests(), ElementsAre("ResetLoop { id: \"beat\" }"));
}

TEST_F(TimerctlTest, ChangesTheInterval) {
  fake_.AnswerWith({{"state: STATE_RUNNING"}});
  EXPECT_EQ(Run({"change-interval", "beat", "--every=5s"}).out,
            "beat ticks every 5s once its run is reported\n");
  EXPECT_THAT(fake_.requests(),
              ElementsAre("ChangeInterval { id: \"beat\" interval { seconds: 5 } }"));
}

TEST_F(TimerctlTest, Triggers) {
  fake_.AnswerWith({{"state: STATE_RUNNING run: 7 now { seconds: 1795510800 }"}});
  EXPECT_EQ(Run({"trigger", "beat"}).out, "beat ticked at 2026-11-24 09:00:00.000: run 7\n");
  EXPECT_THAT(fake_.requests(), ElementsAre("TriggerLoop { id: \"beat\" }"));
  EXPECT_THAT(Run({"trigger", "beat", "--json"}).out, StartsWith("{\"now\":"));
}

TEST_F(TimerctlTest, ShowsWhyALoopCannotBeChanged) {
  fake_.AnswerWith({{},
                    Refused(grpc::StatusCode::FAILED_PRECONDITION, "NOT_PAUSED",
                            "loop \"beat\" is not paused")});
  for (const std::string verb : {"pause", "resume", "reset", "trigger"}) {
    const Result result = Run({verb, "beat"});
    EXPECT_EQ(result.code, 19) << verb;
    EXPECT_EQ(result.err,
              "timerctl: FAILED_PRECONDITION (NOT_PAUSED): loop \"beat\" is not paused\n");
  }
}

}  // namespace
}  // namespace timerd::cli
