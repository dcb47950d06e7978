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

TEST(HumanTextTest, SaysWhenItFires) {
  const auto acknowledgement = Parsed<v1::Acknowledgement>(
      "id: 'tea' now { seconds: 1795510800 } deadline { seconds: 1795511099 }");
  EXPECT_EQ(Plain().Acknowledged("timer tea", "fires", "", acknowledgement),
            "timer tea fires 2026-11-24 10:04:59.000 (in 4m 59s)\n");
}

TEST(HumanTextTest, DoesNotSayInHowLongWhenTheHandleWasThereBefore) {
  const auto acknowledgement = Parsed<v1::Acknowledgement>(
      "id: 'tea' now { seconds: 1795510800 } deadline { seconds: 1795511099 } existed: true");
  EXPECT_EQ(Plain().Acknowledged("timer tea", "fires", "", acknowledgement),
            "timer tea fires 2026-11-24 10:04:59.000 (it was there before)\n");
}

TEST(HumanTextTest, SaysOtherwiseWhenThereIsNoDeadline) {
  EXPECT_EQ(Plain().Acknowledged("loop beat", "ticks first", "ticks from now on",
                                 Parsed<v1::Acknowledgement>("id: 'beat'")),
            "loop beat ticks from now on\n");
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
            "#8    2026-11-24 10:00:33.000  STOPPED    run 3\n");
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

TEST(HumanTextTest, ShowsAllOfALiveLoop) {
  EXPECT_EQ(Plain().Handle(Parsed<v1::GetResponse>(
                "now { seconds: 1795510800 } handle { id: 'beat' kind: KIND_LOOP "
                "state: STATE_PENDING reported: true created { seconds: 1795510740 } "
                "deadline { seconds: 1795510801 } interval { seconds: 1 } run: 1 sequence: 1 "
                "timeouts { deadline { seconds: 1795514400 } timeout { seconds: 3600 } } "
                "payload: 'x' }")),
            "id         beat\n"
            "kind       loop, every 1s\n"
            "state      pending\n"
            "due        2026-11-24 10:00:01.000 (in 1 s)\n"
            "times out  2026-11-24 11:00:00.000 (in 1h), after 1h\n"
            "created    2026-11-24 09:59:00.000 (1m ago)\n"
            "so far     1 run, 1 event\n"
            "payload    \"x\"\n");
}

TEST(HumanTextTest, ShowsHowATimerEnded) {
  EXPECT_EQ(Plain().Handle(Parsed<v1::GetResponse>(
                "now { seconds: 1795510800 } handle { id: 'tea' kind: KIND_TIMER "
                "state: STATE_ENDED created { seconds: 1795510740 } end: END_COMPLETED "
                "ended { seconds: 1795510790 } end_payload: 'default' by_timeout: true "
                "reported: true run: 1 sequence: 2 }")),
            "id         tea\n"
            "kind       timer, reported\n"
            "state      completed\n"
            "created    2026-11-24 09:59:00.000 (1m ago)\n"
            "ended      2026-11-24 09:59:50.000 (10 s ago), by a time-out's fallback\n"
            "so far     1 run, 2 events\n"
            "result     \"default\"\n");
}

TEST(HumanTextTest, FitsTheTableToWhatIsThere) {
  google::protobuf::Timestamp now;
  now.set_seconds(1'795'510'800);
  const auto tea = Parsed<v1::Handle>(
      "id: 'tea' kind: KIND_TIMER state: STATE_PENDING deadline { seconds: 1795511099 }");
  EXPECT_EQ(Plain().Table({tea}, now),
            "ID   KIND   STATE    DUE\n"
            "tea  timer  pending  2026-11-24 10:04:59.000 (in 4m 59s)\n");
  const auto beat = Parsed<v1::Handle>(
      "id: 'Zürich/beat' kind: KIND_LOOP state: STATE_RUNNING run: 12 payload: 'on' "
      "timeouts { deadline { seconds: 1795510830 } }");
  const auto gone = Parsed<v1::Handle>(
      "id: 'gone' kind: KIND_TASK state: STATE_ENDED end: END_TIMED_OUT run: 1 "
      "ended { seconds: 1795510790 }");
  EXPECT_EQ(Plain().Table({tea, beat, gone}, now),
            "ID           KIND   STATE      RUN  DUE                                  TIMES OUT  "
            "ENDED    "
            "                           PAYLOAD\n"
            "tea          timer  pending         2026-11-24 10:04:59.000 (in 4m 59s)\n"
            "Zürich/beat  loop   running     12                                       in 30 s      "
            "       "
            "                           \"on\"\n"
            "gone         task   timed out    1                                                  "
            "2026-11-24 09:59:50.000 (10 s ago)\n");
}

}  // namespace
}  // namespace timerd::cli
