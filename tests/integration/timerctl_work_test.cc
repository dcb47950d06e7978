// `timerctl work` and a real server: commands that run, fail, hang, and outlive connections.
#include <csignal>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/cli/process.h"
#include "tests/integration/server_test.h"
#include "tests/support/temp_dir.h"

namespace timerd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using v1::Delivery;

class TimerctlWorkTest : public ServerTest {
 protected:
  void SetUp() override { StartServer({"--shards=2", "--lease-grace=300ms"}); }

  cli::Process Start(std::vector<std::string> words) {
    words.insert(words.begin(), TIMERCTL);
    return StartAs(words);
  }
  cli::Process StartAs(const std::vector<std::string>& words) {
    return cli::Process(words,
                        {"TIMERD_SERVER=" + server().address(), "TZ=UTC", "PATH=/usr/bin:/bin"});
  }
  // What it prints, its hints and complaints behind the rest.
  std::string Run(const std::vector<std::string>& words, int expected_code = 0) {
    cli::Process process = Start(words);
    EXPECT_EQ(process.Wait(), expected_code) << process.out() << process.err();
    return process.out() + process.err();
  }
  // A command that runs `script`.
  static std::vector<std::string> Work(std::vector<std::string> flags, const std::string& script) {
    flags.insert(flags.begin(), {"work", "mail"});
    flags.insert(flags.end(), {"--", "sh", "-c", script});
    return flags;
  }

  void Schedule(const std::string& id, const std::string& more = "") {
    const std::string request = absl::StrCat("id: '", id, "' delay {} queue: 'mail' payload: 'for ",
                                             id, "' detached: true ", more);
    ASSERT_THAT(client().Schedule(request).Finish(), IsOkCall());
  }
  v1::Queue Queue() { return client().GetQueue("queue: 'mail'").value.queue(); }
  std::vector<v1::DeadLetter> DeadLetters() {
    const auto list = client().ListDeadLetters("queue: 'mail'");
    EXPECT_THAT(list.status, IsOkCall());
    return {list->dead_letters().begin(), list->dead_letters().end()};
  }

  // A script says with Mark(name) that it has come this far, which Await(name) waits for.
  std::string Mark(const std::string& name) const {
    return absl::StrCat("touch ", PathOf(name), "; ");
  }
  bool IsThere(const std::string& name) const { return std::ifstream(PathOf(name)).good(); }
  void Await(const std::string& name) const {
    EXPECT_TRUE(Eventually([&] { return IsThere(name); })) << name;
  }
  // It goes on behind Gate(name) once Open(name) was called.
  std::string Gate(const std::string& name) const {
    // A test that has failed leaves nobody who waits for it.
    return absl::StrCat("until [ -e ", PathOf(name), " ]; do [ -d ", dir_.path(),
                        " ] || exit; sleep 0.01; done; ");
  }
  void Open(const std::string& name) const { std::ofstream(PathOf(name)) << "open"; }
  std::string PathOf(const std::string& name) const { return absl::StrCat(dir_.path(), "/", name); }
  std::string TextOf(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(PathOf(name)).rdbuf();
    return text.str();
  }

  // Until `condition` holds; false when it takes too long.
  static bool Eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) {
        return false;
      }
      std::this_thread::sleep_for(milliseconds(5));
    }
    return true;
  }

  TempDir dir_;
};

TEST_F(TimerctlWorkTest, PrintsWhatIsDueAndCompletesIt) {
  Schedule("a");
  Schedule("b");
  const std::string out = Run({"work", "mail", "--count=2"});
  EXPECT_THAT(out, StartsWith("working on mail\n"));
  EXPECT_THAT(out, ContainsRegex("TAKEN      a                     run 1  .* late  \"for a\"\n"));
  EXPECT_THAT(out, ContainsRegex("TAKEN      b                     run 1  .* late  \"for b\"\n"));
  EXPECT_EQ(Get("a").end(), v1::END_COMPLETED);
  EXPECT_EQ(Get("a").end_payload(), "");
  EXPECT_EQ(Get("b").end(), v1::END_COMPLETED);
}

TEST_F(TimerctlWorkTest, PrintsOneJsonObjectPerLine) {
  Schedule("a", "lease { seconds: 5 }");
  cli::Process process = Start({"work", "mail", "--count=1", "--json"});
  EXPECT_THAT(process.ReadLine(), StartsWith("{\"registered\":{\"now\":\"20"));
  const std::string taken = process.ReadLine();
  EXPECT_THAT(taken, StartsWith("{\"occurrence\":{\"id\":\"a\",\"kind\":\"TIMER\","));
  EXPECT_THAT(taken, HasSubstr("\"payload\":\"for a\""));
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_EQ(process.out() + process.err(), "");
  Schedule("b");
  EXPECT_THAT(Run({"work", "mail", "--count=1", "--json", "--", "true"}),
              ContainsRegex("\\{\"settled\":\\{\"id\":\"b\",\"lease\":[0-9]+,\"end\":\"COMPLETED\""
                            "\\}\\}\n$"));
}

TEST_F(TimerctlWorkTest, RunsACommandForEachAndCompletesItWithItsOutput) {
  Schedule("a");
  const std::string out = Run(Work({"--count=1"},
                                   "printf '%s|' \"$(cat)\" $TIMERD_ID $TIMERD_KIND $TIMERD_RUN "
                                   "$TIMERD_ATTEMPT $TIMERD_LAST_ATTEMPT $TIMERD_GENERATION "
                                   "$TIMERD_NAMESPACE $TIMERD_QUEUE $TIMERD_SERVER"));
  const std::string result =
      absl::StrCat("for a|a|timer|1|1|false|1|default|mail|", server().address(), "|");
  EXPECT_EQ(Get("a").end_payload(), result);
  EXPECT_THAT(
      out, EndsWith(absl::StrCat("  DONE       a                     run 1  \"", result, "\"\n")));
}

TEST_F(TimerctlWorkTest, LeavesTheStandardErrorOfACommandToTheUser) {
  Schedule("a");
  cli::Process process = Start(Work({"--count=1"}, "echo oh >&2"));
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_EQ(process.err(), "oh\n");
  EXPECT_EQ(Get("a").end_payload(), "");
}

TEST_F(TimerctlWorkTest, TakesLoopsTickByTick) {
  ASSERT_THAT(client()
                  .StartLoop("id: 'beat' interval { nanos: 20000000 } start_now: true "
                             "queue: 'mail' detached: true max_runs: 3")
                  .Finish(),
              IsOkCall());
  Run(Work({"--count=3"}, "exit 0"));
  EXPECT_TRUE(Eventually([&] { return Get("beat").end() == v1::END_COMPLETED; }));
  EXPECT_EQ(Get("beat").run(), 3u);
}

TEST_F(TimerctlWorkTest, TriesAgainWhatFailsUntilThePolicySaysThatItIsEnough) {
  Schedule("a", "retry { initial_backoff { nanos: 1000000 } max_attempts: 2 }");
  const std::string out = Run(Work({"--count=2"}, "echo attempt $TIMERD_ATTEMPT; exit 3"));
  EXPECT_THAT(out, ContainsRegex("FAILED     a                     run 1  again at 20.*  \"exit "
                                 "code 3: attempt 1\"\n"));
  EXPECT_THAT(out, ContainsRegex("TAKEN      a                     run 1  attempt 2  "));
  EXPECT_THAT(out, EndsWith("  FAILED     a                     run 1  given up  \"exit code 3: "
                            "attempt 2\"\n"));
  ASSERT_EQ(DeadLetters().size(), 1u);
  EXPECT_EQ(DeadLetters()[0].failure(), "exit code 3: attempt 2");
  // What was put right is put back.
  const std::string letter = DeadLetters()[0].letter();
  EXPECT_EQ(Run({"replay-dead-letters", "mail", "--letter=" + letter}),
            letter + " is due again in mail as timer a\n");
  Run(Work({"--count=1"}, "exit 0"));
  EXPECT_EQ(Get("a").end(), v1::END_COMPLETED);
  EXPECT_TRUE(DeadLetters().empty());
}

TEST_F(TimerctlWorkTest, GivesUpAtOnceOnExitCode100) {
  Schedule("a");
  Run(Work({"--count=1"}, "exit 100"));
  EXPECT_EQ(Get("a").end(), v1::END_FAILED);
  ASSERT_EQ(DeadLetters().size(), 1u);
  EXPECT_EQ(DeadLetters()[0].attempts(), 1u);
  EXPECT_EQ(DeadLetters()[0].failure(), "exit code 100");
}

TEST_F(TimerctlWorkTest, CountsACommandThatIsKilledAsAFailure) {
  Schedule("a", "retry { max_attempts: 1 }");
  Run(Work({"--count=1"}, "kill -KILL $$"));
  EXPECT_EQ(Get("a").end_payload(), "killed by signal 9");
}

TEST_F(TimerctlWorkTest, SaysThatAResultIsTooLargeRatherThanLoseIt) {
  Schedule("a");
  const std::string out = Run(Work({"--count=1"}, "head -c 70000 /dev/zero"));
  EXPECT_THAT(out, HasSubstr("timerctl: a: the server refused a result of 70000 bytes: "));
  EXPECT_THAT(out, HasSubstr("--max-payload-bytes"));
  EXPECT_EQ(Get("a").end(), v1::END_FAILED);
  EXPECT_EQ(Get("a").delivery().attempts(), 1u);
}

TEST_F(TimerctlWorkTest, SaysThatAResultIsTooLargeForAnyMessageToo) {
  Schedule("a");
  Schedule("b");
  const std::string out =
      Run(Work({"--count=2"}, "[ $TIMERD_ID = b ] || head -c 6000000 /dev/zero"));
  EXPECT_THAT(out, HasSubstr("timerctl: a: the server refused a result of 6000000 bytes: "));
  EXPECT_EQ(Get("a").end(), v1::END_FAILED);
  EXPECT_EQ(Get("b").end(), v1::END_COMPLETED);
}

TEST_F(TimerctlWorkTest, ExtendsTheLeaseWhileTheCommandRuns) {
  Schedule("a", "lease { nanos: 300000000 }");
  cli::Process process = Start(Work({"--count=1"}, Mark("ready") + Gate("go")));
  Await("ready");
  const int64_t taken = Nanos(Get("a").last_fired());
  ASSERT_TRUE(
      Eventually([&] { return Nanos(Get("a").delivery().until()) > taken + 4 * 300'000'000ll; }));
  Open("go");
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_EQ(Get("a").end(), v1::END_COMPLETED);
  EXPECT_EQ(Get("a").delivery().attempts(), 1u);
}

TEST_F(TimerctlWorkTest, SendsSigtermToACommandThatIsNotWantedAnyMore) {
  Schedule("a");
  cli::Process process =
      Start(Work({"--count=1"}, absl::StrCat("trap 'echo stopped > ", PathOf("was"),
                                             "; exit 0' TERM; ", Mark("ready"), Gate("never"))));
  Await("ready");
  EXPECT_THAT(client().Cancel("id: 'a'").status, IsOkCall());
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_THAT(process.out(), EndsWith("  REVOKED    a                     run 1\n"));
  EXPECT_EQ(TextOf("was"), "stopped\n");
  EXPECT_EQ(Get("a").end(), v1::END_CANCELLED);
}

TEST_F(TimerctlWorkTest, FinishesWhatRunsOnSigtermAndTakesNothingMore) {
  Schedule("a");
  cli::Process process = Start(Work({}, Mark("ready") + Gate("go") + "echo done"));
  Await("ready");
  Schedule("b");
  process.Signal(SIGTERM);
  EXPECT_EQ(process.ReadErrorLine(), "");
  EXPECT_EQ(process.ReadErrorLine(), "waiting for 1 command to end; once more sends SIGTERM");
  EXPECT_EQ(Get("a").delivery().stage(), Delivery::STAGE_LEASED);
  Open("go");
  EXPECT_EQ(process.Wait(), 143);
  EXPECT_THAT(process.out(), EndsWith("  DONE       a                     run 1  \"done\\n\"\n"));
  EXPECT_EQ(Get("a").end(), v1::END_COMPLETED);
  EXPECT_EQ(Get("b").delivery().attempts(), 0u);
}

TEST_F(TimerctlWorkTest, SendsSigtermAndThenSigkillWhenItIsToldSo) {
  Schedule("a");
  cli::Process process = Start(
      Work({}, absl::StrCat("trap '", Mark("asked"), "' TERM; ", Mark("ready"), Gate("never"))));
  Await("ready");
  process.Signal(SIGINT);
  process.ReadErrorLine();
  EXPECT_THAT(process.ReadErrorLine(), StartsWith("waiting for 1 command"));
  EXPECT_FALSE(IsThere("asked"));
  process.Signal(SIGINT);
  Await("asked");
  process.Signal(SIGINT);
  EXPECT_EQ(process.Wait(), 130);
  EXPECT_THAT(process.out(), ContainsRegex("FAILED     a .* again at .*killed by signal 9"));
}

TEST_F(TimerctlWorkTest, StopsAtOnceOnSigtermWhenNothingIsDue) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"work", "mail"}, Work({"--credit=3"}, "true")}) {
    cli::Process process = Start(words);
    EXPECT_EQ(process.ReadLine(), "working on mail");
    process.Signal(SIGINT);
    EXPECT_EQ(process.Wait(), 130);
    EXPECT_EQ(process.err(), "");
  }
}

TEST_F(TimerctlWorkTest, RunsAsManyCommandsBesideEachOtherAsItHasCredit) {
  Schedule("a");
  Schedule("b");
  // Each waits for the other.
  Run(Work({"--credit=2", "--count=2"}, Mark("$TIMERD_ID") + Gate("a") + Gate("b")));
  EXPECT_EQ(Get("a").end(), v1::END_COMPLETED);
  EXPECT_EQ(Get("b").end(), v1::END_COMPLETED);
}

TEST_F(TimerctlWorkTest, TakesAsManyAsItCountsAndNotOneMore) {
  for (int i = 0; i < 6; ++i) {
    Schedule(absl::StrCat("t", i));
  }
  ASSERT_TRUE(Eventually([&] { return Queue().depth() == 6; }));
  Run({"work", "mail", "--credit=3", "--count=2"});
  EXPECT_EQ(Queue().depth(), 4u);
  Run(Work({"--credit=2", "--count=3"}, "exit 0"));
  ASSERT_EQ(Queue().depth(), 1u);
  for (int i = 0; i < 6; ++i) {
    const v1::Handle handle = Get(absl::StrCat("t", i));
    // What is left was not even shown to it.
    EXPECT_EQ(handle.delivery().attempts(), handle.end() == v1::END_COMPLETED ? 1u : 0u);
  }
}

TEST_F(TimerctlWorkTest, TellsWhatBecameOfARunAfterTheServerWasKilled) {
  Schedule("a", "lease { seconds: 5 }");
  cli::Process process =
      Start(Work({"--count=1"}, Mark("ready") + Gate("go") + "echo $TIMERD_ATTEMPT"));
  Await("ready");
  server().Kill();
  Open("go");
  Restart();
  EXPECT_EQ(process.Wait(), 0) << process.err();
  EXPECT_THAT(process.err(), StartsWith("lost the connection to " + server().address()));
  EXPECT_THAT(process.err(), EndsWith("the connection is back\n"));
  EXPECT_EQ(Get("a").end_payload(), "1\n");
  EXPECT_EQ(Get("a").delivery().attempts(), 1u);
}

TEST_F(TimerctlWorkTest, KeepsACommandThatOutlivesTheServer) {
  Schedule("a", "lease { seconds: 3 }");
  cli::Process process = Start(Work({}, Mark("ready") + Gate("go") + "echo $TIMERD_ATTEMPT"));
  Await("ready");
  server().Kill();
  Restart();
  ASSERT_TRUE(Eventually([&] { return Queue().worker_count() == 1; }));
  const int64_t back = Nanos(Queue().workers(0).since());
  ASSERT_TRUE(
      Eventually([&] { return Nanos(Get("a").delivery().until()) > back + 3'500'000'000; }));
  Open("go");
  EXPECT_EQ(process.ReadLine(), "working on mail");
  EXPECT_THAT(process.ReadLine(), HasSubstr("  TAKEN      a "));
  EXPECT_THAT(process.ReadLine(), EndsWith("  DONE       a                     run 1  \"1\\n\""));
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 143);
}

TEST_F(TimerctlWorkTest, SaysWhatItCouldNotTellToAServerThatIsGone) {
  Schedule("a");
  cli::Process process = Start(Work({"--timeout=300ms"}, Mark("ready") + Gate("go")));
  Await("ready");
  server().Kill();
  process.Signal(SIGTERM);
  Open("go");
  EXPECT_EQ(process.Wait(), 24);
  EXPECT_THAT(process.err(), EndsWith("timerctl: what became of 1 occurrence could not be told; it "
                                      "is delivered again\n"));
}

TEST_F(TimerctlWorkTest, GivesBackWhatItCannotPrint) {
  Schedule("a");
  cli::Process process =
      StartAs({"/bin/sh", "-c", absl::StrCat(TIMERCTL, " work mail >/dev/full")});
  EXPECT_EQ(process.Wait(), 1);
  EXPECT_THAT(process.err(), HasSubstr("could not be written"));
  EXPECT_EQ(Get("a").delivery().stage(), Delivery::STAGE_WAITING);
}

TEST_F(TimerctlWorkTest, ShowsItsNameAndItsCreditToOthers) {
  cli::Process process = Start({"work", "mail", "--name=mailer-1", "--credit=7"});
  process.ReadLine();
  EXPECT_THAT(
      Run({"queue", "mail"}),
      ContainsRegex("\nworkers     mailer-1 ipv[46].*, has 0 of 7, here since 20.* ago\\)"));
  process.Signal(SIGINT);
  EXPECT_EQ(process.Wait(), 130);
}

TEST_F(TimerctlWorkTest, LeavesItToTheServerToRefuseWhatItMustNotDo) {
  EXPECT_THAT(Run({"work", "no such queue"}, 13),
              StartsWith("timerctl: INVALID_ARGUMENT (INVALID_FIELD): queue \"no such queue\""));
  EXPECT_THAT(Run({"work", "mail", "--credit=10001"}, 13), HasSubstr("--max-credit=10000"));
  EXPECT_THAT(Run({"work", "mail", "--namespace=NO"}, 13),
              StartsWith("timerctl: INVALID_ARGUMENT (INVALID_FIELD): "));
}

}  // namespace
}  // namespace timerd::testing
