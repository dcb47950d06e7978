// timerctl and a real server, on a manual clock, so that what is printed is known to the
// millisecond. tests/cli/ has the command line by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "tests/cli/process.h"
#include "tests/support/server_process.h"

namespace timerd::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class TimerctlServerTest : public ::testing::Test {
 protected:
  cli::Process Start(std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.begin(), TIMERCTL);
    return cli::Process(words, {"TIMERD_SERVER=" + server_.address(), "TZ=UTC"}, input);
  }

  // What it prints, its hints and complaints behind the rest.
  std::string Run(const std::vector<std::string>& words, int expected_code = 0,
                  const std::string& input = "") {
    cli::Process process = Start(words, input);
    EXPECT_EQ(process.Wait(), expected_code) << process.err();
    return process.out() + process.err();
  }

  ServerProcess server_{{.flags = {"--clock=manual"}}};
};

TEST_F(TimerctlServerTest, TakesALoopThroughItsLife) {
  EXPECT_EQ(Run({"now"}), "2000-01-01 00:00:00.000, on a manual clock\n");
  EXPECT_EQ(Run({"loop", "--every=1h", "--id=beat", "--max-runs=9", "--detach"}),
            "loop beat ticks first 2000-01-01 01:00:00.000 (in 1h)\n");
  EXPECT_EQ(Run({"advance-to-next"}), "now 2000-01-01 01:00:00.000, 1 deadline fired\n");
  EXPECT_EQ(Run({"pause", "beat"}), "beat pauses as soon as its run is reported\n");
  EXPECT_EQ(Run({"report", "beat", "--run=1", "--success"}), "beat run 1 reported\n");
  EXPECT_EQ(Run({"advance", "--by=2h30m"}), "now 2000-01-01 03:30:00.000, nothing fired\n");
  EXPECT_EQ(Run({"trigger", "beat"}), "beat ticked at 2000-01-01 03:30:00.000: run 2\n");
  EXPECT_EQ(Run({"report", "beat", "--run=2", "--success"}), "beat run 2 reported\n");
  EXPECT_EQ(Run({"resume", "beat"}), "beat goes on, next tick 2000-01-01 04:00:00.000 (in 30m)\n");
  EXPECT_EQ(Run({"change-interval", "beat", "--every=45m"}),
            "beat ticks every 45m from now on, next tick 2000-01-01 03:45:00.000 (in 15m)\n");
  EXPECT_EQ(Run({"reset", "beat"}),
            "beat begins anew, next tick 2000-01-01 04:15:00.000 (in 45m)\n");
  EXPECT_EQ(Run({"get", "beat"}),
            "id          beat\n"
            "namespace   default\n"
            "generation  1\n"
            "kind        loop, reported\n"
            "ticks       every 45m\n"
            "if missed   told by the next tick, not made up for\n"
            "ends        after 9 runs\n"
            "state       pending\n"
            "due         2000-01-01 04:15:00.000 (in 45m)\n"
            "then        2000-01-01 05:00:00.000 (in 1h 30m)\n"
            "            2000-01-01 05:45:00.000 (in 2h 15m)\n"
            "            2000-01-01 06:30:00.000 (in 3h)\n"
            "            2000-01-01 07:15:00.000 (in 3h 45m)\n"
            "            2000-01-01 08:00:00.000 (in 4h 30m)\n"
            "            2000-01-01 08:45:00.000 (in 5h 15m)\n"
            "created     2000-01-01 00:00:00.000 (3h 30m ago)\n"
            "last fired  2000-01-01 03:30:00.000 (now)\n"
            "so far      2 ticks, none missed, 2 events\n");
  EXPECT_EQ(Run({"stop", "beat"}), "beat stopped at 2000-01-01 03:30:00.000\n");
}

TEST_F(TimerctlServerTest, FollowsALoopByCronToItsEnd) {
  cli::Process loop = Start({"loop", "--cron=0 9 * * MON-FRI", "--zone=Europe/Berlin", "--plain",
                             "--missed=run-all", "--max-runs=2", "--id=standup"});
  // Saturday, 1 January 2000.
  EXPECT_EQ(loop.ReadLine(), "loop standup ticks first 2000-01-03 08:00:00.000 (in 2d 8h)");
  EXPECT_EQ(Run({"list"}),
            "ID       KIND  STATE    SCHEDULE         DUE\n"
            "standup  loop  pending  0 9 * * MON-FRI  2000-01-03 08:00:00.000 (in 2d 8h)\n");
  EXPECT_EQ(Run({"advance", "--by=7d"}), "now 2000-01-08 00:00:00.000, 2 deadlines fired\n");
  EXPECT_EQ(loop.Wait(), 0);
  EXPECT_EQ(
      loop.out(),
      "#1    2000-01-03 08:00:00.000  TICK       run 1  on time  for 2000-01-03 08:00:00.000\n"
      "#2    2000-01-04 08:00:00.000  TICK       run 2  on time  for 2000-01-04 08:00:00.000\n"
      "#3    2000-01-04 08:00:00.000  COMPLETED  run 2\n");
  EXPECT_EQ(loop.err(), "");
}

TEST_F(TimerctlServerTest, ReplacesWhatItIsToldToReplace) {
  const std::vector<std::string> schedule = {"schedule", "--in=1m", "--id=idle", "--detach"};
  EXPECT_EQ(Run(schedule), "timer idle is due 2000-01-01 00:01:00.000 (in 1m)\n");
  EXPECT_EQ(Run(schedule), "timer idle is due 2000-01-01 00:01:00.000 (it was there before)\n");
  EXPECT_THAT(Run({"schedule", "--in=2m", "--id=idle"}, 16), HasSubstr("(ID_IN_USE)"));
  cli::Process watch = Start({"watch", "idle"});
  watch.ReadLine();
  EXPECT_EQ(Run({"schedule", "--in=2m", "--id=idle", "--replace", "--detach"}),
            "timer idle is due 2000-01-01 00:02:00.000 (in 2m), generation 2\n");
  EXPECT_EQ(watch.Wait(), 4);
  EXPECT_THAT(watch.out(), EndsWith("  CANCELLED  replaced\n"));
}

TEST_F(TimerctlServerTest, LosesAClientThatDoesNotReport) {
  Run({"timeout", "--in=1h", "--id=upload", "--client-lost-after=30s", "--detach"});
  EXPECT_EQ(Run({"advance", "--by=1m"}), "now 2000-01-01 00:01:00.000, 1 deadline fired\n");
  EXPECT_THAT(Run({"watch", "upload"}, 3), HasSubstr("  FAILED     run 1  client lost"));
}

TEST_F(TimerctlServerTest, CarriesOutABatchLineByLine) {
  EXPECT_EQ(
      Run({"batch", "-"}, 6,
          "{\"schedule\":{\"id\":\"tea\",\"delay\":\"300s\",\"payload\":\"aGk=\"}}\n"
          "\n"
          "{\"cancel\":{\"id\":\"egg\"}}\n"
          "{\"start_loop\":{\"id\":\"beat\",\"interval\":\"60s\",\"plain\":true}}\n"),
      "line 1: timer tea is due 2000-01-01 00:05:00.000 (in 5m)\n"
      "line 3: NOT_FOUND (UNKNOWN_ID): id \"egg\": unknown in namespace \"default\", or ended "
      "longer ago than --retention; use the id that an acknowledgement named\n"
      "line 4: loop beat ticks first 2000-01-01 00:01:00.000 (in 1m)\n"
      "1 of 3 lines refused\n");
  EXPECT_THAT(Run({"get", "tea", "--json"}), HasSubstr("\"payload\":\"hi\""));
}

TEST_F(TimerctlServerTest, FitsItsCallsToTheServersLimits) {
  std::string lines;
  for (int i = 0; i < 10'001; ++i) {
    lines += "{\"cancel\":{}}\n";
  }
  const std::string name = ::testing::TempDir() + "/timerctl_many_lines.jsonl";
  std::ofstream(name) << lines;
  EXPECT_THAT(Run({"batch", name}, 6), EndsWith("\n10001 of 10001 lines refused\n"));
  std::remove(name.c_str());
}

TEST_F(TimerctlServerTest, HasAClockAndIdsForEachNamespace) {
  Run({"schedule", "--in=1m", "--id=tea", "--namespace=kitchen", "--detach"});
  EXPECT_EQ(Run({"get", "tea"}, 15).find("timerctl: NOT_FOUND (UNKNOWN_ID)"), 0u);
  EXPECT_EQ(Run({"advance", "--by=1h"}), "now 2000-01-01 01:00:00.000, nothing fired\n");
  EXPECT_EQ(Run({"advance", "--by=1h", "--jump", "--namespace=kitchen"}),
            "now 2000-01-01 01:00:00.000, 1 deadline fired\n");
  EXPECT_THAT(Run({"watch", "tea", "--namespace=kitchen"}),
              HasSubstr("  FIRED      run 1  59m late"));
}

TEST_F(TimerctlServerTest, TakesAQueueThroughItsLife) {
  EXPECT_EQ(Run({"queues"}), "nothing to list\n");
  EXPECT_EQ(Run({"schedule", "--in=1m", "--id=mail/1", "--queue=mail", "--max-attempts=1",
                 "--payload=hi", "--detach"}),
            "timer mail/1 is due 2000-01-01 00:01:00.000 (in 1m)\n");
  EXPECT_EQ(Run({"schedule", "--in=1h", "--id=mail/2", "--queue=mail", "--detach"}),
            "timer mail/2 is due 2000-01-01 01:00:00.000 (in 1h)\n");
  EXPECT_EQ(Run({"configure-queue", "mail", "--lease=1m", "--max-attempts=5"}),
            "mail is configured, all else by default:\n"
            "lease       1m\n"
            "retries     at most 5 attempts\n");
  EXPECT_EQ(Run({"pause-queue", "mail"}), "mail is paused\n");
  Run({"advance", "--by=2m"});
  EXPECT_EQ(Run({"queues"}),
            "QUEUE  STATE   WAITING  OLDEST  LEASED  SCHEDULED  WORKERS\n"
            "mail   paused        1  1m ago       0          1        0\n");
  EXPECT_EQ(Run({"queue", "mail"}),
            "queue       mail\n"
            "namespace   default\n"
            "state       paused\n"
            "waiting     1, the oldest due 2000-01-01 00:01:00.000 (1m ago)\n"
            "leased      0\n"
            "scheduled   1\n"
            "dead        0\n"
            "lease       1m\n"
            "retries     at most 5 attempts\n");
  EXPECT_THAT(Run({"get", "mail/1"}),
              HasSubstr("queue       mail, waiting for a worker\nretries     at most 1 attempt\n"));
  EXPECT_THAT(Run({"list"}), StartsWith("ID      KIND   STATE    DUE                             "
                                        "  QUEUE  PAYLOAD\n"));
  EXPECT_EQ(Run({"resume-queue", "mail"}), "mail goes on\n");
  EXPECT_EQ(
      Run({"work", "mail", "--count=1", "--", "/bin/false"}),
      "working on mail\n"
      "2000-01-01 00:02:00.000  TAKEN      mail/1                run 1  1m late  \"hi\"\n"
      "                         FAILED     mail/1                run 1  given up  \"exit code "
      "1\"\n");
  EXPECT_THAT(Run({"dead-letters", "mail"}),
              HasSubstr("  mail/1  timer    1         1  2000-01-01 00:02:00.000  \"exit code 1\"  "
                        "\"hi\"\n"));
  EXPECT_EQ(Run({"replay-dead-letters", "mail"}), "1 dead letter due again in mail\n");
  EXPECT_EQ(Run({"dead-letters", "mail"}), "nothing to list\n");
  Run({"advance", "--by=0s"});
  EXPECT_EQ(Run({"purge-queue", "mail"}), "1 occurrence dropped from mail\n");
  EXPECT_EQ(Run({"purge-dead-letters", "mail"}), "0 dead letters of mail forgotten\n");
  EXPECT_EQ(Run({"configure-queue", "mail", "--defaults"}), "mail goes by the server's defaults\n");
}

TEST_F(TimerctlServerTest, GoesOnWithAFeedWhereItLeftOff) {
  cli::Process all = Start({"watch", "--all"});
  EXPECT_EQ(all.ReadLine(), "watching everything from 2000-01-01 00:00:00.000 on");
  cli::Process some = Start({"watch", "--prefix=b/"});
  some.ReadLine();
  Run({"schedule", "--in=1m", "--id=a/1", "--payload=hi", "--detach"});
  Run({"schedule", "--in=2m", "--id=b/1", "--detach"});
  Run({"advance", "--by=2m"});
  EXPECT_EQ(all.ReadLine(),
            "2000-01-01 00:01:00.000  FIRED      a/1                   run 1  on time  \"hi\"");
  all.Signal(SIGINT);
  EXPECT_EQ(all.Wait(), 130);
  const std::string b1 = "2000-01-01 00:02:00.000  FIRED      b/1                   run 1  on time";
  EXPECT_EQ(some.ReadLine(), b1);
  some.Signal(SIGINT);
  EXPECT_EQ(some.Wait(), 130);
  const std::string command = "detached. Go on from here: timerctl watch --prefix=b/ ";
  ASSERT_THAT(some.err(), StartsWith("\n" + command + "--cursor="));
  const std::string cursor =
      some.err().substr(command.size() + 1, some.err().size() - command.size() - 2);
  Run({"schedule", "--in=1m", "--id=b/2", "--detach"});
  Run({"cancel", "b/2"});
  cli::Process again = Start({"watch", "--prefix=b/", cursor});
  EXPECT_EQ(again.ReadLine(), "watching ids that begin with b/ from the cursor on");
  EXPECT_EQ(again.ReadLine(), "2000-01-01 00:02:00.000  CANCELLED  b/2");
  again.Signal(SIGTERM);
  EXPECT_EQ(again.Wait(), 143);
  cli::Process oldest = Start({"watch", "--all", "--from-oldest", "--json"});
  EXPECT_THAT(oldest.ReadLine(), StartsWith("{\"acknowledged\":"));
  EXPECT_THAT(oldest.ReadLine(), StartsWith("{\"event\":{\"id\":\"a/1\","));
}

TEST_F(TimerctlServerTest, FollowsWhatOneQueueDelivers) {
  Run({"schedule", "--in=1m", "--id=a", "--queue=mail", "--detach"});
  Run({"schedule", "--in=1m", "--id=b", "--detach"});
  cli::Process feed = Start({"watch", "--queue=mail"});
  EXPECT_EQ(feed.ReadLine(), "watching queue mail from 2000-01-01 00:00:00.000 on");
  Run({"advance", "--by=1m"});
  Run({"work", "mail", "--count=1"});
  EXPECT_EQ(feed.ReadLine(),
            "2000-01-01 00:01:00.000  FIRED      a                     run 1  on time");
  EXPECT_EQ(feed.ReadLine(), "2000-01-01 00:01:00.000  COMPLETED  a                     run 1");
}

TEST_F(TimerctlServerTest, NamesAQueueThatThereIsNot) {
  const std::vector<std::vector<std::string>> calls = {{"queue", "nobody"},
                                                       {"pause-queue", "nobody"},
                                                       {"resume-queue", "nobody"},
                                                       {"purge-queue", "nobody"},
                                                       {"dead-letters", "nobody"},
                                                       {"replay-dead-letters", "nobody"},
                                                       {"purge-dead-letters", "nobody"},
                                                       {"watch", "--queue=nobody"}};
  for (const std::vector<std::string>& words : calls) {
    EXPECT_THAT(Run(words, 15),
                StartsWith("timerctl: NOT_FOUND (UNKNOWN_QUEUE): queue \"nobody\""));
  }
}

TEST_F(TimerctlServerTest, LeavesItToTheServerToRefuseWhatDoesNotGoTogether) {
  const std::vector<std::vector<std::string>> calls = {
      {"loop", "--every=1s", "--missed-max=3"},
      {"loop", "--cron=@daily", "--fixed-delay"},
      {"loop", "--every=0s", "--plain"},
      {"loop", "--every=1s", "--jitter=1s"},
      {"loop", "--cron=@daily", "--zone=Mars/Base"},
      {"loop", "--every=1s", "--until=1999-01-01T00:00:00Z"},
      {"schedule", "--in=1s", "--client-lost-after=1s"},
      {"timeout", "--in=1s", "--target=tea", "--replace"},
      {"advance", "--by=1s", "--limit=3"},
      {"list", "--namespace=KITCHEN"},
      {"schedule", "--in=1s", "--lease=1s"},
      {"schedule", "--in=1s", "--queue=mail", "--max-attempts=1001"},
      {"schedule", "--in=1s", "--queue=mail", "--backoff-factor=101"},
      {"schedule", "--in=1s", "--queue=mail", "--client-lost-after=1s"},
      {"schedule", "--in=1s", "--queue=Mail"},
      {"loop", "--every=1s", "--plain", "--queue=mail"},
      {"loop", "--every=1s", "--queue=mail", "--lease=25h"},
      {"configure-queue", "mail", "--push-to=http://127.0.0.1:1/"},
      {"configure-queue", "no queue", "--lease=1s"},
      {"watch", "--all", "--cursor=abc"},
      {"queues", "--namespace=KITCHEN"},
  };
  for (const std::vector<std::string>& words : calls) {
    EXPECT_THAT(Run(words, 13), StartsWith("timerctl: INVALID_ARGUMENT (INVALID_FIELD): "));
  }
}

}  // namespace
}  // namespace timerd::testing
