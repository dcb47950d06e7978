#include "client/cli/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/verb_table.h"

namespace timerd::cli {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<Arguments> Parse(const std::vector<std::string>& words) {
  return Arguments::Parse(words, AllVerbs(), GlobalFlags());
}

std::string ErrorOf(const std::vector<std::string>& words) {
  return std::string(Parse(words).status().message());
}

TEST(ArgumentsTest, TakesValuesBehindAnEqualsSignOrAsTheNextWord) {
  const auto arguments = Parse({"schedule", "--in=5s", "--payload", "a b", "--detach"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->verb()->name, "schedule");
  EXPECT_EQ(arguments->Value("in"), "5s");
  EXPECT_EQ(arguments->Value("payload"), "a b");
  EXPECT_TRUE(arguments->Has("detach"));
  EXPECT_FALSE(arguments->Has("reported"));
}

TEST(ArgumentsTest, KeepsEqualsSignsAndNothingInValues) {
  const auto arguments = Parse({"schedule", "--payload=a=b", "--id="});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->Value("payload"), "a=b");
  EXPECT_TRUE(arguments->Has("id"));
  EXPECT_EQ(arguments->Value("id"), "");
}

TEST(ArgumentsTest, TakesANegativeValueAsTheNextWord) {
  const auto arguments = Parse({"reschedule", "tea", "--by", "-10s"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->Value("by"), "-10s");
}

TEST(ArgumentsTest, TakesADashForAFile) {
  const auto arguments = Parse({"batch", "-"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->operand(), "-");
  EXPECT_TRUE(Parse({"batch", "\xFF"}).ok());
}

TEST(ArgumentsTest, TakesAnOptionalValueOnlyBehindAnEqualsSign) {
  const auto arguments = Parse({"report", "--success", "tea", "--run=1"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->operand(), "tea");
  EXPECT_EQ(arguments->Value("success"), "");
}

TEST(ArgumentsTest, TakesGlobalFlagsBeforeAndBehindTheVerb) {
  const auto before = Parse({"--json", "--server", "a:1", "get", "x"});
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_TRUE(before->Has("json"));
  EXPECT_EQ(before->Value("server"), "a:1");
  EXPECT_TRUE(Parse({"get", "x", "--json"})->Has("json"));
}

TEST(ArgumentsTest, TakesNothingBehindTwoDashesForAFlag) {
  const auto arguments = Parse({"cancel", "--", "--in"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->operand(), "--in");
}

TEST(ArgumentsTest, NeedsNoOperandThatMayBeLeftOut) {
  const auto without = Parse({"watch", "--all"});
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(without->operand(), "");
  EXPECT_EQ(Parse({"watch", "tea"})->operand(), "tea");
  EXPECT_EQ(ErrorOf({"watch", ""}),
            "the ID is empty; write one; `timerctl list` shows those there are");
  EXPECT_THAT(ErrorOf({"watch", "a", "b"}), HasSubstr("watch takes one ID;"));
}

TEST(ArgumentsTest, TakesACommandBehindTwoDashes) {
  const auto arguments = Parse({"work", "mail", "--credit=2", "--", "sh", "-c", "cat", "--", ""});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->operand(), "mail");
  EXPECT_EQ(arguments->command(), (std::vector<std::string>{"sh", "-c", "cat", "--", ""}));
  EXPECT_TRUE(Parse({"work", "mail"})->command().empty());
}

TEST(ArgumentsTest, SaysWhereACommandGoes) {
  EXPECT_EQ(ErrorOf({"work", "mail", "sh"}),
            "\"sh\": work takes one QUEUE; a command goes behind --; see `timerctl work --help`");
  // Perhaps of a variable that is not set.
  EXPECT_EQ(ErrorOf({"work", "mail", "--"}),
            "there is no COMMAND behind --; write one, or leave -- out");
}

TEST(ArgumentsTest, SaysWhereToFindAQueue) {
  EXPECT_EQ(ErrorOf({"queue"}),
            "no QUEUE; write `timerctl queue QUEUE`; `timerctl queues` shows those there are");
  EXPECT_EQ(ErrorOf({"queue", "\xFF"}), "the QUEUE is not UTF-8, as every QUEUE is");
}

TEST(ArgumentsTest, NeedsNoOperandForHelp) {
  EXPECT_TRUE(Parse({"cancel", "--help"})->Has("help"));
  EXPECT_TRUE(Parse({"-h"})->Has("help"));
  EXPECT_TRUE(Parse({"help"})->Has("help"));
  EXPECT_EQ(Parse({"help", "list"})->verb()->name, "list");
}

TEST(ArgumentsTest, SuggestsTheNearestVerbAndFlag) {
  EXPECT_EQ(ErrorOf({"shedule"}),
            "\"shedule\" is no verb; did you mean schedule? `timerctl --help` lists them");
  EXPECT_EQ(
      ErrorOf({"schedule", "--playload=x"}),
      "--playload: no such flag; did you mean --payload? `timerctl schedule --help` lists the "
      "flags");
  EXPECT_THAT(ErrorOf({"schedule", "-in=5s"}), HasSubstr("did you mean --in?"));
  EXPECT_EQ(ErrorOf({"xyzzy"}), "\"xyzzy\" is no verb; `timerctl --help` lists them");
}

TEST(ArgumentsTest, SaysThatFlagsOfAVerbStandBehindIt) {
  EXPECT_THAT(ErrorOf({"--detach", "schedule"}), HasSubstr("stand behind the verb"));
}

TEST(ArgumentsTest, RefusesWhatIsMissingTooMuchOrTwice) {
  EXPECT_THAT(ErrorOf({}), HasSubstr("no verb"));
  EXPECT_THAT(ErrorOf({"cancel"}), HasSubstr("write `timerctl cancel ID`"));
  EXPECT_THAT(ErrorOf({"cancel", ""}), HasSubstr("the ID is empty"));
  EXPECT_THAT(ErrorOf({"cancel", "\xFF"}), HasSubstr("not UTF-8"));
  EXPECT_EQ(ErrorOf({"cancel", "a", "b"}),
            "\"b\": cancel takes one ID; a value with blanks goes in quotes; see `timerctl cancel "
            "--help`");
  EXPECT_EQ(ErrorOf({"batch"}), "no FILE; write `timerctl batch FILE`");
  EXPECT_EQ(ErrorOf({"batch", ""}), "the FILE is empty; write one");
  EXPECT_THAT(ErrorOf({"batch", "a", "b"}), HasSubstr("batch takes one FILE"));
  EXPECT_THAT(ErrorOf({"list", "x"}), HasSubstr("list takes nothing but flags"));
  EXPECT_EQ(ErrorOf({"schedule", "--in"}), "--in lacks its value; write --in=DURATION");
  EXPECT_EQ(ErrorOf({"schedule", "--in", "--detach"}), "--in lacks its value; write --in=DURATION");
  EXPECT_EQ(ErrorOf({"schedule", "--in=1s", "--in=2s"}),
            "--in is there twice; leave one of them out");
  EXPECT_THAT(ErrorOf({"schedule", "--detach=yes"}), HasSubstr("--detach takes no value"));
}

TEST(ArgumentsTest, SurvivesWordsOfDashes) {
  for (const std::string word : {"-", "--", "---", "-=", "--=", "--=x", "-x"}) {
    EXPECT_FALSE(Parse({word}).ok()) << word;
  }
}

}  // namespace
}  // namespace timerd::cli
