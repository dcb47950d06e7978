#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/human.h"
#include "google/protobuf/text_format.h"

namespace timerd::cli {
namespace {

using ::testing::HasSubstr;

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

TEST(HumanHandleTest, ShowsAllOfALiveLoop) {
  EXPECT_EQ(Plain().Handle(Parsed<v1::GetResponse>(
                "now { seconds: 1795510800 } handle { id: 'beat' kind: KIND_LOOP "
                "namespace: 'billing' generation: 2 "
                "state: STATE_PENDING reported: true created { seconds: 1795510740 } "
                "deadline { seconds: 1795510801 } interval { seconds: 1 } run: 1 sequence: 1 "
                "timeouts { deadline { seconds: 1795514400 } timeout { seconds: 3600 } } "
                "last_fired { seconds: 1795510798 } client_lost_after { seconds: 30 } "
                "loop { pacing: PACING_FIXED_RATE missed: 2 max_runs: 10 jitter { nanos: 5000000 } "
                "until { seconds: 1795510900 } upcoming { seconds: 1795510801 } "
                "upcoming { seconds: 1795510802 } upcoming { seconds: 1795510803 } } "
                "payload: 'x' }")),
            "id          beat\n"
            "namespace   billing\n"
            "generation  2\n"
            "kind        loop, reported\n"
            "ticks       every 1s, each up to 5ms later\n"
            "if missed   told by the next tick, not made up for\n"
            "ends        after 10 runs\n"
            "            before a tick past 2026-11-24 10:01:40.000\n"
            "client      lost after 30s of a run that nobody follows\n"
            "state       pending\n"
            "due         2026-11-24 10:00:01.000 (in 1 s)\n"
            "then        2026-11-24 10:00:02.000 (in 2 s)\n"
            "            2026-11-24 10:00:03.000 (in 3 s)\n"
            "times out   2026-11-24 11:00:00.000 (in 1h), after 1h\n"
            "created     2026-11-24 09:59:00.000 (1m ago)\n"
            "last fired  2026-11-24 09:59:58.000 (2 s ago)\n"
            "so far      1 tick, 2 missed, 1 event\n"
            "payload     \"x\"\n");
}

TEST(HumanHandleTest, ShowsHowATimerEnded) {
  EXPECT_EQ(Plain().Handle(Parsed<v1::GetResponse>(
                "now { seconds: 1795510800 } handle { id: 'tea' kind: KIND_TIMER "
                "state: STATE_ENDED created { seconds: 1795510740 } end: END_COMPLETED "
                "ended { seconds: 1795510790 } end_payload: 'default' by_timeout: true "
                "reported: true run: 1 sequence: 2 }")),
            "id          tea\n"
            "kind        timer, reported\n"
            "state       completed\n"
            "created     2026-11-24 09:59:00.000 (1m ago)\n"
            "ended       2026-11-24 09:59:50.000 (10 s ago), by a time-out's fallback\n"
            "so far      1 run, 2 events\n"
            "result      \"default\"\n");
}

TEST(HumanHandleTest, ShowsWhyATaskEndedWhereItsStateDoesNotTell) {
  const std::string text = Plain().Handle(Parsed<v1::GetResponse>(
      "now { seconds: 1795510800 } handle { id: 'up' kind: KIND_TASK state: STATE_ENDED "
      "end: END_FAILED end_reason: 'CLIENT_LOST' ended { seconds: 1795510790 } }"));
  EXPECT_THAT(text, HasSubstr("\nkind        task\n"));
  EXPECT_THAT(text, HasSubstr("\nstate       failed\n"));
  EXPECT_THAT(text, HasSubstr(" (10 s ago), client lost\n"));
}

// What `get` says of a loop, row by row; "" where there is no such row.
std::string Row(const std::string& name, const std::string& handle) {
  const std::string text = Plain().Handle(Parsed<v1::GetResponse>(
      "now { seconds: 1795510800 } handle { kind: KIND_LOOP " + handle + "}"));
  const size_t row = text.find("\n" + name);
  return row == std::string::npos ? "" : text.substr(row + 13, text.find('\n', row + 1) - row - 13);
}

TEST(HumanHandleTest, SaysWhenALoopTicks) {
  EXPECT_EQ(Row("ticks", "interval { seconds: 90 }"), "every 1m30s");
  EXPECT_EQ(Row("ticks",
                "interval { seconds: 5 } reported: true "
                "loop { pacing: PACING_FIXED_DELAY }"),
            "5s after each report");
  EXPECT_EQ(Row("ticks", "interval { seconds: 5 } loop { pacing: PACING_FIXED_DELAY }"),
            "5s after each tick");
  EXPECT_EQ(Row("ticks", "loop { cron { expression: '0 9 * * MON-FRI' } }"),
            "at \"0 9 * * MON-FRI\" in UTC");
  EXPECT_EQ(Row("ticks",
                "loop { cron { expression: '@daily' time_zone: 'Europe/Berlin' } "
                "jitter { seconds: 60 } }"),
            "at \"@daily\" in Europe/Berlin, each up to 1m later");
}

TEST(HumanHandleTest, SaysWhatBecomesOfMissedTicksWhereSomeCanBe) {
  EXPECT_EQ(Row("if missed", "interval { seconds: 1 }"), "told by the next tick, not made up for");
  EXPECT_EQ(Row("if missed",
                "interval { nanos: 1000000 } "
                "loop { missed_ticks { policy: POLICY_RUN_ONCE } }"),
            "one tick at once for all of them");
  EXPECT_EQ(Row("if missed", "loop { cron {} missed_ticks { policy: POLICY_RUN_ALL } }"),
            "a tick for each, at most 100");
  EXPECT_EQ(Row("if missed",
                "loop { cron {} missed_ticks { policy: POLICY_RUN_ALL max_runs: 7 "
                "window { seconds: 3600 } } }"),
            "a tick for each, at most 7, none older than 1h");
  EXPECT_EQ(Row("if missed", "interval { seconds: 1 } loop { pacing: PACING_FIXED_DELAY }"), "");
  EXPECT_EQ(Row("if missed", "interval {}"), "");
}

TEST(HumanHandleTest, ShowsTheNextTicksOfALoopWithARunUnderWay) {
  EXPECT_EQ(Row("then", "state: STATE_RUNNING loop { upcoming { seconds: 1795510801 } }"),
            "2026-11-24 10:00:01.000 (in 1 s)");
  EXPECT_EQ(Row("state", "state: STATE_RUNNING loop { paused: true }"), "running, then paused");
  EXPECT_EQ(Row("state", "state: STATE_PAUSED loop { paused: true }"), "paused");
}

TEST(HumanHandleTest, SaysThatNoTickWasMissed) {
  EXPECT_EQ(Row("so far", "run: 2 sequence: 3"), "2 ticks, none missed, 3 events");
}

TEST(HumanHandleTest, ShowsDeadlinesByTheWallClockWhereItIsFollowed) {
  const std::string handle =
      "deadline { seconds: 1795510801 } wall_deadline { seconds: 1795514401 } "
      "loop { upcoming { seconds: 1795510801 } upcoming { seconds: 1795510803 } }";
  EXPECT_EQ(Row("due", handle), "2026-11-24 11:00:01.000 (in 1 s)");
  EXPECT_EQ(Row("then", handle), "2026-11-24 11:00:03.000 (in 3 s)");
}

TEST(HumanTableTest, ShowsTheScheduleOfLoops) {
  google::protobuf::Timestamp now;
  now.set_seconds(1'795'510'800);
  const auto beat = Parsed<v1::Handle>(
      "id: 'beat' kind: KIND_LOOP state: STATE_PAUSED interval { seconds: 1 } run: 3");
  const auto standup = Parsed<v1::Handle>(
      "id: 'standup' kind: KIND_LOOP state: STATE_PENDING deadline { seconds: 1795510801 } "
      "loop { cron { expression: '0 9 * * MON-FRI' } }");
  EXPECT_EQ(Plain().Table({beat, standup}, now),
            "ID       KIND  STATE    SCHEDULE         RUN  DUE\n"
            "beat     loop  paused   every 1s           3\n"
            "standup  loop  pending  0 9 * * MON-FRI       2026-11-24 10:00:01.000 (in 1 s)\n");
}

TEST(HumanTableTest, FitsTheTableToWhatIsThere) {
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
