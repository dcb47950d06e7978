// The verbs of the server's clock, and the namespaces that each have one.
#include <gmock/gmock.h>

#include "client/cli/verb_table.h"
#include "tests/cli/timerctl_test.h"

namespace timerd::cli {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(TimerctlTest, ShowsTheServersTime) {
  fake_.AnswerWith({{"now { seconds: 1795510800 } wall { seconds: 1795510800 } is_virtual: true"}});
  EXPECT_EQ(Run({"now"}).out, "2026-11-24 09:00:00.000, on a manual clock\n");
  EXPECT_EQ(Run({"now", "--json"}).out,
            "{\"now\":\"2026-11-24T09:00:00Z\",\"wall\":\"2026-11-24T09:00:00Z\","
            "\"is_virtual\":true}\n");
  EXPECT_THAT(fake_.requests(), Each("Now { }"));
}

TEST_F(TimerctlTest, AdvancesTheTime) {
  fake_.AnswerWith({{"now { seconds: 1795510800 } fired: 3"}});
  EXPECT_EQ(Run({"advance", "--by=1h", "--jump", "--limit=3"}).out,
            "now 2026-11-24 09:00:00.000, 3 deadlines fired\n");
  EXPECT_EQ(Run({"advance", "--by=1h", "--json"}).out,
            "{\"now\":\"2026-11-24T09:00:00Z\",\"fired\":3}\n");
  EXPECT_THAT(fake_.requests(), ElementsAre("Advance { by { seconds: 3600 } jump: true limit: 3 }",
                                            "Advance { by { seconds: 3600 } }"));
}

TEST_F(TimerctlTest, AdvancesToTheNextDeadline) {
  fake_.AnswerWith({{"now { seconds: 1795510800 } fired: 1"}});
  EXPECT_EQ(Run({"advance-to-next"}).out, "now 2026-11-24 09:00:00.000, 1 deadline fired\n");
  EXPECT_THAT(fake_.requests(), ElementsAre("AdvanceToNext { }"));
}

TEST_F(TimerctlTest, ShowsThatARealClockCannotBeMoved) {
  fake_.AnswerWith({{},
                    Refused(grpc::StatusCode::FAILED_PRECONDITION, "NOT_VIRTUAL",
                            "the clock is real; start timerd with --clock=manual")});
  const Result result = Run({"advance", "--by=1s"});
  EXPECT_EQ(result.code, 19);
  EXPECT_EQ(result.err,
            "timerctl: FAILED_PRECONDITION (NOT_VIRTUAL): the clock is real; start timerd with "
            "--clock=manual\n");
}

TEST_F(TimerctlTest, NamesTheNamespaceInEveryCall) {
  const std::vector<std::vector<std::string>> calls = {{"schedule", "--in=1s"},
                                                       {"loop", "--every=1s"},
                                                       {"timeout", "--in=1s"},
                                                       {"watch", "a"},
                                                       {"report", "a", "--run=1", "--success"},
                                                       {"reschedule", "a", "--in=1s"},
                                                       {"cancel", "a"},
                                                       {"batch", "-"},
                                                       {"stop", "a"},
                                                       {"pause", "a"},
                                                       {"resume", "a"},
                                                       {"reset", "a"},
                                                       {"change-interval", "a", "--every=1s"},
                                                       {"trigger", "a"},
                                                       {"get", "a"},
                                                       {"list"},
                                                       {"work", "q"},
                                                       {"queues"},
                                                       {"queue", "q"},
                                                       {"configure-queue", "q", "--lease=1s"},
                                                       {"pause-queue", "q"},
                                                       {"resume-queue", "q"},
                                                       {"purge-queue", "q"},
                                                       {"dead-letters", "q"},
                                                       {"replay-dead-letters", "q"},
                                                       {"purge-dead-letters", "q"},
                                                       {"now"},
                                                       {"advance", "--by=1s"},
                                                       {"advance-to-next"}};
  ASSERT_EQ(calls.size(), AllVerbs().size());
  fake_.AnswerWith({{""}});
  for (std::vector<std::string> words : calls) {
    words.push_back("--namespace=billing");
    Run(words, "{\"cancel\":{\"id\":\"a\"}}");
  }
  EXPECT_EQ(fake_.requests().size(), calls.size());
  EXPECT_THAT(fake_.requests(), Each(HasSubstr(" namespace: \"billing\" }")));
}

TEST_F(TimerctlTest, TakesTheNamespaceFromTheEnvironmentUnlessAFlagNamesOne) {
  fake_.AnswerWith({{""}});
  std::vector<std::string> environment = Environment();
  environment.push_back("TIMERD_NAMESPACE=of-the-shell");
  EXPECT_EQ(Process(Words({"get", "a"}), environment).Wait(), 0);
  EXPECT_EQ(Process(Words({"get", "a", "--namespace=of-the-flag"}), environment).Wait(), 0);
  EXPECT_THAT(fake_.requests(), ElementsAre("Get { id: \"a\" namespace: \"of-the-shell\" }",
                                            "Get { id: \"a\" namespace: \"of-the-flag\" }"));
}

TEST_F(TimerctlTest, RepeatsItsNamespaceFlagInWhatItTellsToType) {
  fake_.AnswerWith(
      {{"acknowledged { id: 'up' deadline {} }", "event { type: TYPE_TIMED_OUT time {} }"}});
  EXPECT_EQ(Run({"timeout", "--in=1s", "--namespace=billing"}).err,
            "  waits for: timerctl --namespace=billing report up --run=1 --success "
            "(or --failure)\n");
}

TEST_F(TimerctlTest, RefusesANamespaceThatCannotBeSent) {
  EXPECT_EQ(Run({"list", "--namespace="}).err,
            "timerctl list: --namespace= is empty; write --namespace=NAME or leave it out\n");
  EXPECT_THAT(Run({"list", "--namespace=\xFF"}).err, HasSubstr("--namespace=: not UTF-8"));
  EXPECT_TRUE(fake_.requests().empty());
}

}  // namespace
}  // namespace timerd::cli
