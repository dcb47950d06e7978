#include "client/cli/help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/text.h"
#include "client/cli/verb_table.h"
#include "timerd/v1/queues.pb.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::cli {
namespace {

using ::testing::HasSubstr;

void ExpectFits(const std::string& help) {
  int lines = 0;
  for (const absl::string_view line : absl::StrSplit(help, '\n')) {
    EXPECT_LE(Width(line), 80u) << line;
    ++lines;
  }
  EXPECT_GT(lines, 5);
}

TEST(HelpTest, FitsInto80Columns) {
  ExpectFits(MainHelp(VerbGroups(), GlobalFlags()));
  for (const Verb& verb : AllVerbs()) {
    ExpectFits(VerbHelp(verb, GlobalFlags()));
  }
}

TEST(HelpTest, NamesEveryVerbAndFlag) {
  const std::string help = MainHelp(VerbGroups(), GlobalFlags());
  for (const Verb& verb : AllVerbs()) {
    EXPECT_THAT(help, HasSubstr(verb.purpose));
    for (const Flag& flag : verb.flags) {
      EXPECT_THAT(VerbHelp(verb, GlobalFlags()), HasSubstr(absl::StrCat("  --", flag.name)));
    }
  }
}

TEST(HelpTest, HasAVerbForEveryRpc) {
  const auto* file = v1::ScheduleRequest::descriptor()->file();
  const auto* queues = v1::WorkRequest::descriptor()->file();
  // Submit is Batch for programs that cannot wait for the answers; a shell can. Work is for
  // programs.
  const int rpcs = file->FindServiceByName("Timers")->method_count() - 1 +
                   file->FindServiceByName("Clock")->method_count() +
                   queues->FindServiceByName("Queues")->method_count();
  EXPECT_EQ(static_cast<size_t>(rpcs), AllVerbs().size());
}

// What a shell makes of `line` up to a pipe, as far as the examples go: double quotes and blanks.
std::vector<std::string> ShellWords(absl::string_view line) {
  std::vector<std::string> words(1);
  bool quoted = false;
  for (const char c : line.substr(0, line.find(" | "))) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      words.emplace_back();
    } else {
      words.back().push_back(c);
    }
  }
  return words;
}

TEST(HelpTest, ShowsExamplesThatParse) {
  int examples = 0;
  for (const Verb& verb : AllVerbs()) {
    for (const absl::string_view example : verb.examples) {
      const size_t start = example.find("timerctl ");
      ASSERT_NE(start, absl::string_view::npos) << example;
      const std::vector<std::string> words = ShellWords(example.substr(start));
      const auto arguments =
          Arguments::Parse(absl::MakeSpan(words).subspan(1), AllVerbs(), GlobalFlags());
      EXPECT_TRUE(arguments.ok()) << example << ": " << arguments.status();
      ++examples;
    }
  }
  EXPECT_GE(examples, 10);
}

}  // namespace
}  // namespace timerd::cli
