#include "client/cli/human.h"

#include <gtest/gtest.h>

#include "google/protobuf/text_format.h"

namespace timerd::cli {
namespace {

template <typename T>
T Parsed(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// 1795510800 is 2026-11-24T09:00:00Z, ten o'clock in the zone of these tests.
const HumanText& Plain() {
  static const HumanText text(absl::FixedTimeZone(3600), false);
  return text;
}

constexpr Wording kTimer = {.kind = "timer",
                            .deadline_is = "fires",
                            .otherwise = "is there",
                            .if_existed = "was there before"};

TEST(HumanTextTest, SaysWhenItFires) {
  const auto acknowledgement = Parsed<v1::Acknowledgement>(
      "id: 'tea' now { seconds: 1795510800 } deadline { seconds: 1795511099 }");
  EXPECT_EQ(Plain().Acknowledged(kTimer, acknowledgement),
            "timer tea fires 2026-11-24 10:04:59.000 (in 4m 59s)\n");
}

TEST(HumanTextTest, DoesNotSayInHowLongWhenTheHandleWasThereBefore) {
  const auto acknowledgement = Parsed<v1::Acknowledgement>(
      "id: 'tea' now { seconds: 1795510800 } deadline { seconds: 1795511099 } existed: true");
  EXPECT_EQ(Plain().Acknowledged(kTimer, acknowledgement),
            "timer tea fires 2026-11-24 10:04:59.000 (it was there before)\n");
}

TEST(HumanTextTest, SaysOtherwiseWhenThereIsNoDeadline) {
  EXPECT_EQ(Plain().Acknowledged(kTimer, Parsed<v1::Acknowledgement>("id: 'tea'")),
            "timer tea is there\n");
  EXPECT_EQ(Plain().Acknowledged(kTimer, Parsed<v1::Acknowledgement>("id: 'tea' existed: true")),
            "timer tea was there before\n");
}

TEST(HumanTextTest, SaysTheHowManyethOfItsIdAHandleIs) {
  EXPECT_EQ(Plain().Acknowledged(kTimer, Parsed<v1::Acknowledgement>("id: 'tea' generation: 1")),
            "timer tea is there\n");
  EXPECT_EQ(Plain().Acknowledged(
                kTimer, Parsed<v1::Acknowledgement>("id: 'tea' now { seconds: 1795510800 } "
                                                    "deadline { seconds: 1795510805 } "
                                                    "generation: 3")),
            "timer tea fires 2026-11-24 10:00:05.000 (in 5 s), generation 3\n");
}

TEST(HumanTextTest, AlignsEvents) {
  std::string lines;
  for (const char* event : {
           "type: TYPE_FIRED sequence: 1 run: 1 payload: 'hello, world' "
           "time { seconds: 1795510800 nanos: 400000 } deadline { seconds: 1795510800 }",
           "type: TYPE_TICK sequence: 2 run: 2 count: 1 redelivery: true "
           "time { seconds: 1795510801 } deadline { seconds: 1795510801 }",
           "type: TYPE_TICK sequence: 300 run: 300 count: 3 missed: 2 payload: '\\xff' "
           "time { seconds: 1795510803 nanos: 12000000 } deadline { seconds: 1795510803 }",
           "type: TYPE_TIMED_OUT sequence: 4 run: 1 timeout { seconds: 30 } "
           "time { seconds: 1795510830 nanos: 200000 } deadline { seconds: 1795510830 }",
           "type: TYPE_COMPLETED sequence: 5 run: 1 timeout { seconds: 30 } by_timeout: true "
           "payload: 'default' time { seconds: 1795510830 } deadline { seconds: 1795510830 }",
           "type: TYPE_FAILED sequence: 6 run: 1 payload: 'disk full' time { seconds: 1795510831 }",
           "type: TYPE_CANCELLED sequence: 7 time { seconds: 1795510832 }",
           "type: TYPE_STOPPED sequence: 8 run: 3 time { seconds: 1795510833 }",
           "type: TYPE_TICK sequence: 9 run: 4 triggered: true time { seconds: 1795510834 }",
           "type: TYPE_TICK sequence: 10 run: 5 count: 1 time { seconds: 1795510835 } "
           "deadline { seconds: 1795510835 } wall_deadline { seconds: 1795510800 } payload: 'x'",
           "type: TYPE_FAILED sequence: 11 run: 5 reason: 'CLIENT_LOST' "
           "time { seconds: 1795510836 }",
           "type: TYPE_CANCELLED sequence: 12 reason: 'REPLACED' time { seconds: 1795510837 }",
       }) {
    lines += Plain().Event(Parsed<v1::Event>(event));
  }
  EXPECT_EQ(lines,
            "#1    2026-11-24 10:00:00.000  FIRED      run 1  0.4 ms late  \"hello, world\"\n"
            "#2    2026-11-24 10:00:01.000  TICK       run 2  on time  (redelivered)\n"
            "#300  2026-11-24 10:00:03.012  TICK       run 300  12 ms late  2 missed  0xff (1 "
            "bytes)\n"
            "#4    2026-11-24 10:00:30.000  TIMED_OUT  run 1  after 30s  0.2 ms late\n"
            "#5    2026-11-24 10:00:30.000  COMPLETED  run 1  by the fallback after 30s  on time  "
            "\"default\"\n"
            "#6    2026-11-24 10:00:31.000  FAILED     run 1  \"disk full\"\n"
            "#7    2026-11-24 10:00:32.000  CANCELLED\n"
            "#8    2026-11-24 10:00:33.000  STOPPED    run 3\n"
            "#9    2026-11-24 10:00:34.000  TICK       run 4  triggered\n"
            "#10   2026-11-24 10:00:35.000  TICK       run 5  on time  for 2026-11-24 10:00:00.000"
            "  \"x\"\n"
            "#11   2026-11-24 10:00:36.000  FAILED     run 5  client lost\n"
            "#12   2026-11-24 10:00:37.000  CANCELLED  replaced\n");
}

TEST(HumanTextTest, ColoursTheTypeOnlyWhenAskedTo) {
  const auto event = Parsed<v1::Event>("type: TYPE_FAILED sequence: 1 time {}");
  EXPECT_EQ(HumanText(absl::UTCTimeZone(), true).Event(event),
            "#1    1970-01-01 00:00:00.000  \033[31mFAILED\033[0m\n");
  EXPECT_EQ(Plain().Event(event).find('\033'), std::string::npos);
}

TEST(HumanTextTest, SaysWhatAStopWillDo) {
  EXPECT_EQ(Plain().Stopped("beat", Parsed<v1::StopLoopResponse>("state: STATE_STOPPING")),
            "beat stops as soon as its run is reported\n");
  EXPECT_EQ(Plain().Stopped("beat", Parsed<v1::StopLoopResponse>(
                                        "state: STATE_ENDED now { seconds: 1795510800 }")),
            "beat stopped at 2026-11-24 10:00:00.000\n");
}

TEST(HumanTextTest, SaysWhatAReportDid) {
  const auto request = Parsed<v1::ReportRequest>("id: 'beat' run: 3");
  const auto said = [&](const std::string& reply) {
    return Plain().Reported(request, Parsed<v1::ReportResponse>(reply));
  };
  EXPECT_EQ(
      said("accepted: true now { seconds: 1795510800 } next_deadline { seconds: 1795510801 }"),
      "beat run 3 reported, next tick 2026-11-24 10:00:01.000 (in 1 s)\n");
  EXPECT_EQ(said("accepted: true end: END_COMPLETED"),
            "beat run 3 reported, which ended it in COMPLETED\n");
  EXPECT_EQ(said("end: END_TIMED_OUT"),
            "beat run 3 not counted: it had ended in TIMED_OUT before\n");
  EXPECT_EQ(said(""), "beat run 3 not counted: it was reported before\n");
}

TEST(HumanTextTest, SaysByHowMuchADeadlineMoved) {
  const auto said = [&](const std::string& reply) {
    return Plain().Rescheduled("tea", Parsed<v1::RescheduleResponse>(reply));
  };
  EXPECT_EQ(said("now { seconds: 1795510800 } old_deadline { seconds: 1795510860 } "
                 "deadline { seconds: 1795511100 }"),
            "tea is now due 2026-11-24 10:05:00.000 (in 5m), 4m later than it was\n");
  EXPECT_EQ(said("now { seconds: 1795510800 } old_deadline { seconds: 1795510800 } "
                 "deadline { seconds: 1795510790 }"),
            "tea is now due 2026-11-24 09:59:50.000 (10 s ago), 10 s earlier than it was\n");
}

TEST(HumanTextTest, SaysWhatAPauseWillDo) {
  EXPECT_EQ(Plain().Paused("beat", Parsed<v1::PauseLoopResponse>(
                                       "state: STATE_PAUSED now { seconds: 1795510800 }")),
            "beat paused at 2026-11-24 10:00:00.000\n");
  EXPECT_EQ(Plain().Paused("beat", Parsed<v1::PauseLoopResponse>("state: STATE_RUNNING")),
            "beat pauses as soon as its run is reported\n");
}

TEST(HumanTextTest, SaysWhenAResumedLoopTicks) {
  EXPECT_EQ(Plain().Resumed("beat", Parsed<v1::ResumeLoopResponse>(
                                        "state: STATE_PENDING now { seconds: 1795510800 } "
                                        "deadline { seconds: 1795510801 }")),
            "beat goes on, next tick 2026-11-24 10:00:01.000 (in 1 s)\n");
  EXPECT_EQ(Plain().Resumed("beat", Parsed<v1::ResumeLoopResponse>("state: STATE_RUNNING")),
            "beat goes on as soon as its run is reported\n");
}

TEST(HumanTextTest, SaysWhetherAResetDidAnything) {
  EXPECT_EQ(Plain().WasReset("beat", Parsed<v1::ResetLoopResponse>(
                                         "state: STATE_PENDING now { seconds: 1795510800 } "
                                         "deadline { seconds: 1795510801 }")),
            "beat begins anew, next tick 2026-11-24 10:00:01.000 (in 1 s)\n");
  EXPECT_EQ(Plain().WasReset("beat", Parsed<v1::ResetLoopResponse>("state: STATE_RUNNING")),
            "beat is as it was: a reset does nothing during a run\n");
  EXPECT_EQ(Plain().WasReset("beat", Parsed<v1::ResetLoopResponse>("state: STATE_PAUSED")),
            "beat is as it was: a reset does nothing to a paused loop\n");
}

TEST(HumanTextTest, SaysFromWhenOnANewIntervalHolds) {
  const auto request =
      Parsed<v1::ChangeIntervalRequest>("id: 'beat' interval { nanos: 500000000 }");
  const auto said = [&](const std::string& reply) {
    return Plain().IntervalChanged(request, Parsed<v1::ChangeIntervalResponse>(reply));
  };
  EXPECT_EQ(said("state: STATE_PENDING now { seconds: 1795510800 } "
                 "deadline { seconds: 1795510801 }"),
            "beat ticks every 500ms from now on, next tick 2026-11-24 10:00:01.000 (in 1 s)\n");
  EXPECT_EQ(said("state: STATE_RUNNING"), "beat ticks every 500ms once its run is reported\n");
  EXPECT_EQ(said("state: STATE_PAUSED"), "beat ticks every 500ms once it is resumed\n");
}

TEST(HumanTextTest, SaysWhichRunATriggerBegan) {
  EXPECT_EQ(
      Plain().Triggered("beat", Parsed<v1::TriggerLoopResponse>("state: STATE_RUNNING run: 7 "
                                                                "now { seconds: 1795510800 }")),
      "beat ticked at 2026-11-24 10:00:00.000: run 7\n");
  EXPECT_EQ(
      Plain().Triggered("beat", Parsed<v1::TriggerLoopResponse>("state: STATE_ENDED run: 7 "
                                                                "now { seconds: 1795510800 }")),
      "beat ticked at 2026-11-24 10:00:00.000: run 7, which was its last\n");
}

TEST(HumanTextTest, SaysWhatBecameOfAnItemOfABatch) {
  const auto said = [&](const std::string& item, const std::string& result) {
    return Plain().Result(Parsed<v1::BatchItem>(item), Parsed<v1::BatchResult>(result));
  };
  EXPECT_EQ(said("schedule {}",
                 "acknowledged { id: 'a' now { seconds: 1795510800 } "
                 "deadline { seconds: 1795510801 } }"),
            "timer a is due 2026-11-24 10:00:01.000 (in 1 s)\n");
  EXPECT_EQ(said("start_loop {}", "acknowledged { id: 'a' }"), "loop a ticks from now on\n");
  EXPECT_EQ(said("with_timeout {}",
                 "acknowledged { id: 'a' now { seconds: 1795510800 } "
                 "deadline { seconds: 1795510801 } }"),
            "task a times out 2026-11-24 10:00:01.000 (in 1 s)\n");
  EXPECT_EQ(said("with_timeout { target_id: 'a' }", "acknowledged { id: 'a' }"),
            "a had ended already\n");
  EXPECT_EQ(said("cancel { id: 'a' }", "cancel { now { seconds: 1795510800 } }"),
            "a cancelled at 2026-11-24 10:00:00.000\n");
  EXPECT_EQ(said("stop_loop { id: 'a' }", "stop_loop { state: STATE_STOPPING }"),
            "a stops as soon as its run is reported\n");
  EXPECT_EQ(said("report { id: 'a' run: 1 }", "report { accepted: true }"), "a run 1 reported\n");
  EXPECT_EQ(said("reschedule { id: 'a' }",
                 "reschedule { now { seconds: 1795510800 } "
                 "deadline { seconds: 1795510801 } "
                 "old_deadline { seconds: 1795510801 } }"),
            "a is now due 2026-11-24 10:00:01.000 (in 1 s), where it was\n");
  EXPECT_EQ(said("cancel {}", "error { code: 5 message: 'no handle' }"), "NOT_FOUND: no handle\n");
  EXPECT_EQ(said("cancel {}", "error { code: 5 message: 'items[4998]: id \"a[0]: b\": unknown' }"),
            "NOT_FOUND: id \"a[0]: b\": unknown\n");
  EXPECT_EQ(said("cancel {}", ""), "answered in a way that this timerctl does not know\n");
}

TEST(HumanTextTest, SaysWhichClockTheServerHas) {
  // Two readings, one after the other, on either side of a millisecond.
  EXPECT_EQ(Plain().Now(Parsed<v1::NowResponse>("now { seconds: 1795510800 nanos: 999900 } "
                                                "wall { seconds: 1795510800 nanos: 1000100 }")),
            "2026-11-24 10:00:00.000\n");
  EXPECT_EQ(Plain().Now(Parsed<v1::NowResponse>("now { seconds: 1795510800 nanos: 1000000 } "
                                                "wall { seconds: 1795510800 }")),
            "2026-11-24 10:00:00.001, wall clock 2026-11-24 10:00:00.000\n");
  EXPECT_EQ(Plain().Now(Parsed<v1::NowResponse>(
                "now { seconds: 1795510800 } wall { seconds: 1795514400 }")),
            "2026-11-24 10:00:00.000, wall clock 2026-11-24 11:00:00.000\n");
  EXPECT_EQ(Plain().Now(Parsed<v1::NowResponse>(
                "now { seconds: 1795510800 } wall { seconds: 1795510800 } is_virtual: true")),
            "2026-11-24 10:00:00.000, on a manual clock\n");
}

TEST(HumanTextTest, CountsWhatAnAdvanceFired) {
  const auto now = Parsed<google::protobuf::Timestamp>("seconds: 1795510800");
  EXPECT_EQ(Plain().Advanced(now, 0), "now 2026-11-24 10:00:00.000, nothing fired\n");
  EXPECT_EQ(Plain().Advanced(now, 1), "now 2026-11-24 10:00:00.000, 1 deadline fired\n");
  EXPECT_EQ(Plain().Advanced(now, 2), "now 2026-11-24 10:00:00.000, 2 deadlines fired\n");
}

}  // namespace
}  // namespace timerd::cli
