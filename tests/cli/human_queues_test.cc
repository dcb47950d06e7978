#include <gtest/gtest.h>

#include "client/cli/human.h"
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

TEST(HumanQueueTest, ShowsAQueueWithItsWorkersAndItsSettings) {
  EXPECT_EQ(
      Plain().Queue(Parsed<v1::GetQueueResponse>(
          "now { seconds: 1795510800 } queue { name: 'emails' namespace: 'default' depth: 3 "
          "oldest { seconds: 1795510796 } in_flight: 2 scheduled: 12 dead_letters: 1 "
          "workers { name: 'host-1' peer: 'ipv4:127.0.0.1:50000' credit: 4 in_flight: 2 "
          "          since { seconds: 1795510740 } } "
          "workers { peer: 'ipv4:127.0.0.1:50001' credit: 1 since { seconds: 1795510799 } } "
          "worker_count: 2 settings { lease { seconds: 60 } retry { max_attempts: 5 "
          "initial_backoff { seconds: 2 } factor: 1.5 max_backoff { seconds: 300 } } "
          "max_backlog: 1000 max_pending: 5000 max_rate: 50 } }")),
      "queue       emails\n"
      "namespace   default\n"
      "state       delivering\n"
      "waiting     3, the oldest due 2026-11-24 09:59:56.000 (4 s ago)\n"
      "leased      2\n"
      "scheduled   12\n"
      "dead        1\n"
      "workers     host-1 ipv4:127.0.0.1:50000, has 2 of 4, here since 2026-11-24 09:59:00.000 (1m "
      "ago)\n"
      "            ipv4:127.0.0.1:50001, has 0 of 1, here since 2026-11-24 09:59:59.000 (1 s ago)\n"
      "lease       1m\n"
      "retries     at most 5 attempts, the second after 2s, each wait 1.5 times the one before, no "
      "wait above 5m\n"
      "backlog     at most 1000 may wait\n"
      "pending     at most 5000 not due yet\n"
      "rate        at most 50 new per second\n");
}

TEST(HumanQueueTest, ShowsWhatIsPushed) {
  EXPECT_EQ(
      Plain().Queue(Parsed<v1::GetQueueResponse>(
          "queue { name: 'hooks' paused: true settings { target { url: 'http://h/p' "
          "max_concurrent: 4 max_per_second: 2.5 timeout { seconds: 10 } } } }")),
      "queue       hooks\n"
      "state       paused\n"
      "waiting     0\n"
      "leased      0\n"
      "scheduled   0\n"
      "dead        0\n"
      "pushed to   http://h/p, at most 4 at once, at most 2.5 per second, each to be answered "
      "within 10s\n");
}

TEST(HumanQueueTest, MakesATableOfTheColumnsThatHoldSomething) {
  const auto now = Parsed<google::protobuf::Timestamp>("seconds: 1795510800");
  const auto quiet = Parsed<v1::Queue>("name: 'reports' scheduled: 2");
  EXPECT_EQ(Plain().QueueTable({quiet}, now),
            "QUEUE    WAITING  LEASED  SCHEDULED  WORKERS\n"
            "reports        0       0          2        0\n");
  const auto busy = Parsed<v1::Queue>(
      "name: 'emails' paused: true depth: 1200 oldest { seconds: 1795510796 } in_flight: 2 "
      "dead_letters: 3 worker_count: 1 settings { target { url: 'http://h/p' } }");
  EXPECT_EQ(Plain().QueueTable({busy, quiet}, now),
            "QUEUE    STATE   WAITING  OLDEST   LEASED  SCHEDULED  DEAD  WORKERS  PUSHED TO\n"
            "emails   paused     1200  4 s ago       2          0     3        1  http://h/p\n"
            "reports                0                0          2              0\n");
}

TEST(HumanQueueTest, SaysWhatIsConfiguredAndThatTheRestIsByDefault) {
  EXPECT_EQ(Plain().Configured(Parsed<v1::ConfigureQueueRequest>(
                "queue: 'emails' settings { lease { seconds: 60 } retry { max_attempts: 1 } }")),
            "emails is configured, all else by default:\n"
            "lease       1m\n"
            "retries     at most 1 attempt\n");
  EXPECT_EQ(Plain().Configured(Parsed<v1::ConfigureQueueRequest>("queue: 'emails' settings {}")),
            "emails goes by the server's defaults\n");
}

TEST(HumanQueueTest, MakesATableOfDeadLetters) {
  EXPECT_EQ(
      Plain().DeadLetterTable(
          {Parsed<v1::DeadLetter>(
               "letter: '1-2-3' id: 'mail/1' kind: KIND_TIMER run: 1 attempts: 5 "
               "failed { seconds: 1795510800 } failure: 'exit code 3' "
               "payload: 'to: ann'"),
           Parsed<v1::DeadLetter>("letter: '1-2-4' id: 'beat' kind: KIND_LOOP run: 12 attempts: 10 "
                                  "failed { seconds: 1795510801 } lapsed: true")}),
      "LETTER  ID      KIND   RUN  ATTEMPTS  FAILED                   FAILURE        PAYLOAD\n"
      "1-2-3   mail/1  timer    1         5  2026-11-24 10:00:00.000  \"exit code 3\"  \"to: "
      "ann\"\n"
      "1-2-4   beat    loop    12        10  2026-11-24 10:00:01.000  lease lapsed\n");
}

TEST(HumanQueueTest, SaysWhatAReplayMade) {
  const auto all = Parsed<v1::ReplayDeadLettersRequest>("queue: 'emails'");
  EXPECT_EQ(Plain().Replayed(all, Parsed<v1::ReplayDeadLettersResponse>("replayed: 1")),
            "1 dead letter due again in emails\n");
  EXPECT_EQ(Plain().Replayed(all, Parsed<v1::ReplayDeadLettersResponse>("replayed: 2")),
            "2 dead letters due again in emails\n");
  EXPECT_EQ(
      Plain().Replayed(Parsed<v1::ReplayDeadLettersRequest>("queue: 'emails' letter: '1-2-3'"),
                       Parsed<v1::ReplayDeadLettersResponse>("replayed: 1 id: 'mail/1'")),
      "1-2-3 is due again in emails as timer mail/1\n");
}

TEST(HumanQueueTest, SaysHowAHandleStandsInItsQueue) {
  const auto shown = [](const std::string& delivery) {
    return Plain().Handle(Parsed<v1::GetResponse>(
        "now { seconds: 1795510800 } handle { id: 'a' kind: KIND_TIMER state: STATE_PENDING "
        "reported: true created { seconds: 1795510800 } delivery { queue: 'emails' " +
        delivery + " } }"));
  };
  const auto lines = [](const std::string& text) {
    const size_t begin = text.find("queue ");
    return text.substr(begin, text.find("state ") - begin);
  };
  EXPECT_EQ(lines(shown("stage: STAGE_IDLE")), "queue       emails\n");
  EXPECT_EQ(lines(shown("stage: STAGE_WAITING")), "queue       emails, waiting for a worker\n");
  EXPECT_EQ(lines(shown("stage: STAGE_LEASED attempts: 1 until { seconds: 1795510830 } "
                        "lease { seconds: 30 }")),
            "queue       emails, with a worker until 2026-11-24 10:00:30.000 (in 30 s)\n"
            "attempts    1\n"
            "lease       30s\n");
  EXPECT_EQ(lines(shown("stage: STAGE_BACKOFF attempts: 2 until { seconds: 1795510804 } "
                        "retry { max_attempts: 3 }")),
            "queue       emails, tried again 2026-11-24 10:00:04.000 (in 4 s)\n"
            "attempts    2\n"
            "retries     at most 3 attempts\n");
}

TEST(HumanWorkTest, AlignsWhatIsTakenAndWhatBecameOfIt) {
  const auto first = Parsed<v1::Occurrence>(
      "id: 'mail/1' run: 1 attempt: 1 time { seconds: 1795510800 nanos: 400000 } "
      "deadline { seconds: 1795510800 } payload: 'to: ann'");
  const auto again = Parsed<v1::Occurrence>(
      "id: 'beat' run: 12 attempt: 3 time { seconds: 1795510804 } missed: 2");
  const auto failure = Parsed<v1::Settlement>("failure { payload: 'exit code 3' }");
  std::string lines = Plain().Taken(first);
  lines += Plain().Taken(again);
  lines += Plain().Settled(first, Parsed<v1::Settlement>("success: 'sent'"),
                           Parsed<v1::Settled>("end: END_COMPLETED"));
  lines += Plain().Settled(first, Parsed<v1::Settlement>("success: ''"), v1::Settled());
  lines +=
      Plain().Settled(again, failure, Parsed<v1::Settled>("next_attempt { seconds: 1795510806 }"));
  lines += Plain().Settled(again, failure, Parsed<v1::Settled>("end: END_FAILED"));
  lines += Plain().Revoked(first);
  EXPECT_EQ(
      lines,
      "2026-11-24 10:00:00.000  TAKEN      mail/1                run 1  0.4 ms late  \"to: ann\"\n"
      "2026-11-24 10:00:04.000  TAKEN      beat                  run 12  attempt 3  2 missed\n"
      "                         DONE       mail/1                run 1  \"sent\"\n"
      "                         DONE       mail/1                run 1\n"
      "                         FAILED     beat                  run 12  again at 2026-11-24 "
      "10:00:06.000  \"exit code 3\"\n"
      "                         FAILED     beat                  run 12  given up  \"exit code "
      "3\"\n"
      "                         REVOKED    mail/1                run 1\n");
}

TEST(HumanWorkTest, ColoursWhatBecameOfItWhenAskedTo) {
  const HumanText coloured(absl::UTCTimeZone(), true);
  EXPECT_NE(coloured.Settled({}, Parsed<v1::Settlement>("failure {}"), {}).find("\033[31mFAILED"),
            std::string::npos);
  EXPECT_EQ(coloured.Taken({}).find('\033'), std::string::npos);
  EXPECT_EQ(Plain().Revoked({}).find('\033'), std::string::npos);
}

TEST(HumanFeedTest, AlignsEventsOfManyHandles) {
  std::string lines;
  for (const char* event : {
           "id: 'tea' type: TYPE_FIRED sequence: 1 run: 1 payload: 'hi' "
           "time { seconds: 1795510800 nanos: 400000 } deadline { seconds: 1795510800 }",
           "id: 'billing/2026-11/invoice-42' type: TYPE_CANCELLED time { seconds: 1795510801 }",
           "id: 'mail/1' type: TYPE_COMPLETED run: 1 attempts: 1 time { seconds: 1795510802 }",
           "id: 'mail/2' type: TYPE_FAILED run: 1 attempts: 5 time { seconds: 1795510803 }",
       }) {
    lines += Plain().FeedEvent(Parsed<v1::Event>(event));
  }
  EXPECT_EQ(lines,
            "2026-11-24 10:00:00.000  FIRED      tea                   run 1  0.4 ms late  \"hi\"\n"
            "2026-11-24 10:00:01.000  CANCELLED  billing/2026-11/invoice-42\n"
            "2026-11-24 10:00:02.000  COMPLETED  mail/1                run 1\n"
            "2026-11-24 10:00:03.000  FAILED     mail/2                run 1  after 5 attempts\n");
}

TEST(HumanFeedTest, SaysOfWhatAndFromWhenItIs) {
  const auto begun = Parsed<v1::Acknowledgement>("now { seconds: 1795510800 }");
  EXPECT_EQ(Plain().FeedBegun(Parsed<v1::WatchRequest>("everything: true"), begun),
            "watching everything from 2026-11-24 10:00:00.000 on\n");
  EXPECT_EQ(Plain().FeedBegun(Parsed<v1::WatchRequest>("queue: 'emails' cursor: 'C'"), begun),
            "watching queue emails from the cursor on\n");
  EXPECT_EQ(Plain().FeedBegun(Parsed<v1::WatchRequest>("id_prefix: 'a/' from_oldest: true"), begun),
            "watching ids that begin with a/ from the oldest event on\n");
}

TEST(HumanFeedTest, SaysWhatIsMissing) {
  EXPECT_EQ(Plain().Missing(Parsed<v1::Gap>("missing: 12 oldest { seconds: 1795510800 }")),
            "12 events of the namespace are not kept any more; the oldest there is 2026-11-24 "
            "10:00:00.000\n");
  EXPECT_EQ(Plain().Missing(Parsed<v1::Gap>("missing: 1")),
            "1 event of the namespace is not kept any more\n");
}

}  // namespace
}  // namespace timerd::cli
