// The verbs for queues and feeds, as a shell runs them, against a fake server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "tests/cli/timerctl_test.h"

namespace timerd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kBegun[] = "acknowledged { now { seconds: 1795510800 } } cursor: 'C0'";
constexpr char kFired[] =
    "event { id: 'tea' kind: KIND_TIMER type: TYPE_FIRED sequence: 1 run: 1 "
    "time { seconds: 1795510803 } deadline { seconds: 1795510803 } cursor: 'C1' } cursor: 'C1'";

TEST_F(TimerctlTest, NamesNoReportForWhatAQueueDelivers) {
  const std::vector<std::string> lines = {
      "acknowledged { id: 'tea' }",
      "event { id: 'tea' type: TYPE_TICK sequence: 1 run: 1 queue: 'mail' }",
      "event { id: 'tea' type: TYPE_STOPPED sequence: 2 }"};
  fake_.AnswerWith({lines});
  EXPECT_EQ(Run({"loop", "--every=1s", "--queue=mail"}).err, "");
  fake_.AnswerWith({{"acknowledged { id: 'tea' }",
                     "event { id: 'tea' type: TYPE_FIRED sequence: 1 run: 1 queue: 'mail' }"}});
  EXPECT_EQ(Run({"schedule", "--in=1s", "--reported", "--queue=mail"}).err, "");
}

TEST_F(TimerctlTest, FollowsAFeedAndSaysOnCtrlCWhereToGoOn) {
  fake_.AnswerWith({{kBegun, "gap { missing: 3 } cursor: 'C0'", kFired}, grpc::Status::OK, true});
  Process process(Words({"watch", "--prefix=t e"}), Environment());
  EXPECT_EQ(process.ReadLine(), "watching ids that begin with t e from 2026-11-24 09:00:00.000 on");
  EXPECT_EQ(process.ReadLine(), "3 events of the namespace are not kept any more");
  EXPECT_THAT(process.ReadLine(), HasSubstr("FIRED      tea                   run 1  on time"));
  process.Signal(SIGINT);
  EXPECT_EQ(process.Wait(), 130);
  EXPECT_EQ(process.err(),
            "\ndetached. Go on from here: timerctl watch --prefix='t e' --cursor=C1\n");
  EXPECT_THAT(fake_.requests(), ElementsAre("Watch { id_prefix: \"t e\" }"));
}

TEST_F(TimerctlTest, SaysWhereAFeedGoesOnWhenTheServerGoesAway) {
  fake_.AnswerWith(
      {{kBegun, kFired}, Refused(grpc::StatusCode::UNAVAILABLE, "SHUTTING_DOWN", "shutting down")});
  const Result result = Run({"watch", "--all"});
  EXPECT_EQ(result.code, 24);
  EXPECT_EQ(result.err,
            "timerctl: UNAVAILABLE (SHUTTING_DOWN): shutting down\n"
            "  No event is lost. Go on from here: timerctl watch --all --cursor=C1\n");
}

TEST_F(TimerctlTest, TakesAFeedThatClosesForAFailure) {
  fake_.AnswerWith({{kBegun}});
  const Result result = Run({"watch", "--queue=mail", "--cursor=C0"});
  EXPECT_EQ(result.code, 12);
  EXPECT_THAT(result.err, HasSubstr("closed a feed, which has no end"));
  EXPECT_THAT(result.err, EndsWith("timerctl watch --queue=mail --cursor=C0\n"));
}

TEST_F(TimerctlTest, PrintsAFeedAsJsonWithItsCursors) {
  fake_.AnswerWith({{kBegun, "gap { missing: 3 } cursor: 'C0'", kFired}});
  const Result result = Run({"watch", "--all", "--from-oldest", "--json"});
  EXPECT_THAT(result.out,
              StartsWith("{\"acknowledged\":{\"id\":\"\",\"now\":\"2026-11-24T09:00:00Z\","
                         "\"existed\":false,\"generation\":0},\"cursor\":\"C0\"}\n"
                         "{\"gap\":{\"missing\":3},\"cursor\":\"C0\"}\n"
                         "{\"event\":{\"id\":\"tea\","));
  EXPECT_THAT(fake_.requests(), ElementsAre("Watch { everything: true from_oldest: true }"));
}

TEST_F(TimerctlTest, ListsQueuesPageAfterPageUpToTheLimit) {
  fake_.AnswerWith({{"now { seconds: 5 } queues { name: 'a' } next_page_token: 'p2'"}});
  fake_.ThenWith({{"now { seconds: 5 } queues { name: 'b' } next_page_token: 'p3'"}});
  const Result result = Run({"queues", "--limit=2"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out,
            "QUEUE  WAITING  LEASED  SCHEDULED  WORKERS\n"
            "a            0       0          0        0\n"
            "b            0       0          0        0\n");
  EXPECT_EQ(result.err, "there are more; show them with --limit=20\n");
  EXPECT_THAT(fake_.requests(), ElementsAre("ListQueues { page_size: 2 }",
                                            "ListQueues { page_size: 1 page_token: \"p2\" }"));
  fake_.AnswerWith({{"now { seconds: 5 } queues { name: 'a' } queues { name: 'b' }"}});
  EXPECT_THAT(Run({"queues", "--json"}).out,
              StartsWith("{\"now\":\"1970-01-01T00:00:05Z\",\"queue\":{\"name\":\"a\","));
}

TEST_F(TimerctlTest, ListsDeadLettersOneALineInJson) {
  fake_.AnswerWith({{"dead_letters { letter: '1-2' id: 'a' } dead_letters { letter: '1-3' }"}});
  const std::string out = Run({"dead-letters", "mail", "--json"}).out;
  EXPECT_THAT(out, StartsWith("{\"letter\":\"1-2\",\"id\":\"a\","));
  EXPECT_THAT(out, HasSubstr("}\n{\"letter\":\"1-3\","));
  EXPECT_THAT(fake_.requests(), ElementsAre("ListDeadLetters { queue: \"mail\" page_size: 100 }"));
}

TEST_F(TimerctlTest, ChangesQueues) {
  const struct {
    std::vector<std::string> words;
    std::string reply;
    std::string out;
    std::string request;
  } calls[] = {
      {{"configure-queue", "mail", "--lease=1m"},
       "",
       "mail is configured, all else by default:\nlease       1m\n",
       "ConfigureQueue { queue: \"mail\" settings { lease { seconds: 60 } } }"},
      {{"pause-queue", "mail"}, "", "mail is paused\n", "PauseQueue { queue: \"mail\" }"},
      {{"resume-queue", "mail"}, "", "mail goes on\n", "ResumeQueue { queue: \"mail\" }"},
      {{"purge-queue", "mail"},
       "purged: 2",
       "2 occurrences dropped from mail\n",
       "PurgeQueue { queue: \"mail\" }"},
      {{"replay-dead-letters", "mail", "--letter=1-2"},
       "replayed: 1 id: 'a'",
       "1-2 is due again in mail as timer a\n",
       "ReplayDeadLetters { queue: \"mail\" letter: \"1-2\" }"},
      {{"purge-dead-letters", "mail"},
       "purged: 1",
       "1 dead letter of mail forgotten\n",
       "PurgeDeadLetters { queue: \"mail\" }"},
  };
  for (const auto& call : calls) {
    fake_.AnswerWith({{call.reply}});
    const Result result = Run(call.words);
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out, call.out);
    EXPECT_EQ(fake_.requests().back(), call.request);
  }
}

TEST_F(TimerctlTest, JoinsAQueueAsItIsTold) {
  fake_.AnswerWith(
      {{}, Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED", "too many queues")});
  const Result result = Run({"work", "mail", "--credit=4", "--name=me", "--count=3"});
  EXPECT_EQ(result.code, 18);
  EXPECT_EQ(result.err, "timerctl: RESOURCE_EXHAUSTED (LIMIT_EXCEEDED): too many queues\n");
  // No more than it will take.
  EXPECT_THAT(fake_.requests(),
              ElementsAre("Work { register { queue: \"mail\" credit: 3 worker: \"me\" } }"));
}

TEST_F(TimerctlTest, JoinsNoQueueForACommandThatIsNotThere) {
  const Result result = Run({"work", "mail", "--", "no-such-program"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, StartsWith("timerctl work: \"no-such-program\": no such program"));
  EXPECT_TRUE(fake_.requests().empty());
}

TEST_F(TimerctlTest, DoesNotWaitForAServerThatWasNeverThere) {
  const Result result = Run({"work", "mail", "--server=127.0.0.1:1"});
  EXPECT_EQ(result.code, 24);
  EXPECT_THAT(result.err, HasSubstr("no server answers at 127.0.0.1:1"));
  fake_.AnswerWith({{}, grpc::Status::OK, true});
  EXPECT_EQ(Run({"work", "mail", "--timeout=100ms"}).code, 14);
}

TEST_F(TimerctlTest, GivesUpAQueueThatItIsNotLetIntoAgain) {
  fake_.AnswerWith({{"registered { now { seconds: 1795510800 } }"},
                    grpc::Status(grpc::StatusCode::UNAVAILABLE, "going")});
  fake_.ThenWith({{}, Refused(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD", "no")});
  const Result result = Run({"work", "mail"});
  EXPECT_EQ(result.code, 13);
  EXPECT_EQ(result.out, "working on mail\n");
  EXPECT_THAT(result.err, StartsWith("lost the connection to 127.0.0.1:"));
  EXPECT_THAT(result.err, EndsWith("timerctl: INVALID_ARGUMENT (INVALID_FIELD): no\n"));
  EXPECT_EQ(fake_.requests().size(), 2u);
}

TEST_F(TimerctlTest, SaysThatItIsStillAtItAsSoonAsTheConnectionIsBack) {
  // Of a lease whose third is long from over.
  fake_.AnswerWith(
      {{"registered {} occurrences { id: 'a' run: 1 lease: 7 time { seconds: 1795510800 } "
        "lease_end { seconds: 1795514400 } }"},
       grpc::Status(grpc::StatusCode::UNAVAILABLE, "going")});
  fake_.ThenWith({{"registered {}"}, grpc::Status::OK, true});
  const Process process(Words({"work", "mail", "--", "/bin/sh", "-c",
                               "while kill -0 $PPID 2>/dev/null; do sleep 0.02; done"}),
                        Environment());
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (fake_.requests().size() < 3) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_THAT(fake_.requests(),
              ElementsAre("Work { register { queue: \"mail\" credit: 1 } }",
                          "Work { register { queue: \"mail\" credit: 1 } }",
                          "Work { settlements { id: \"a\" lease: 7 extend { seconds: 3600 } } }"));
}

TEST_F(TimerctlTest, LeavesAQueueOnCtrlCEvenIfTheServerSaysNothing) {
  fake_.AnswerWith({{"registered { now { seconds: 1795510800 } }"}, grpc::Status::OK, true});
  Process process(Words({"work", "mail"}), Environment());
  EXPECT_EQ(process.ReadLine(), "working on mail");
  // The first asks the server for no more, and this one never answers.
  process.Signal(SIGTERM);
  process.Signal(SIGINT);
  EXPECT_THAT(process.Wait(), ::testing::AnyOf(130, 143));
}

}  // namespace
}  // namespace timerd::cli
