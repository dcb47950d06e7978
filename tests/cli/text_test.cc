#include "client/cli/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace timerd::cli {
namespace {

using ::testing::ElementsAre;

TEST(IsUtf8Test, FollowsRfc3629) {
  for (const absl::string_view good :
       {"", "hello", "Zürich", "€", "😀", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF", "\x7F"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const absl::string_view bad :
       {"\xFF", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
        "\xF0\x80\x80\x80", "\xE2\x82", "a\x80", "\xF5\x80\x80\x80", "\xC3("}) {
    EXPECT_FALSE(IsUtf8(bad)) << PayloadText(bad, 20);
  }
  EXPECT_TRUE(IsUtf8(absl::string_view("\0", 1)));
}

TEST(JsonStringTest, EscapesWhatJsonAndTerminalsNeed) {
  EXPECT_EQ(JsonString("a\"b\\c\n\r\t"), R"("a\"b\\c\n\r\t")");
  EXPECT_EQ(JsonString(absl::string_view("\0\x1b[31m\x7f", 7)), R"("\u0000\u001b[31m\u007f")");
  EXPECT_EQ(JsonString("Zürich €"), "\"Zürich €\"");
}

TEST(PayloadTextTest, QuotesTextAndLetsNoControlCharacterThrough) {
  EXPECT_EQ(PayloadText("hello, world", 60), "\"hello, world\"");
  EXPECT_EQ(PayloadText("\x1b]0;owned\x07", 60), R"("\u001b]0;owned\u0007")");
  EXPECT_EQ(PayloadText("\xC2\x9B", 60), R"("\u009b")");
}

TEST(PayloadTextTest, CutsWhatIsLongAndTellsItsSize) {
  EXPECT_EQ(PayloadText("abcde", 5), "\"abcde\"");
  EXPECT_EQ(PayloadText("abcdef", 5), "\"abcde…\" (6 bytes)");
  EXPECT_EQ(PayloadText("ééé", 2), "\"éé…\" (6 bytes)");
}

TEST(PayloadTextTest, ShowsWhatIsNoTextInHex) {
  EXPECT_EQ(PayloadText("\xFF\x01", 60), "0xff01 (2 bytes)");
  EXPECT_EQ(PayloadText("\xFF\x01\x02\x03", 4), "0xff01… (4 bytes)");
}

TEST(WidthTest, CountsCharactersRatherThanBytes) {
  EXPECT_EQ(Width("Zürich"), 6u);
  EXPECT_EQ(Padded("Zürich", 8), "Zürich  ");
  EXPECT_EQ(Padded("long", 2), "long");
}

TEST(ShellWordTest, QuotesOnlyWhatAShellWouldTouch) {
  EXPECT_EQ(ShellWord("billing/42"), "billing/42");
  EXPECT_EQ(ShellWord("a b"), "'a b'");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord("$(reboot)"), "'$(reboot)'");
  EXPECT_EQ(ShellWord(""), "''");
}

TEST(NearestTest, SuggestsWhatIsNearAndNothingElse) {
  EXPECT_EQ(Nearest("shedule", {"loop", "schedule", "reschedule"}), "schedule");
  EXPECT_EQ(Nearest("sched", {"loop", "schedule"}), "schedule");
  EXPECT_EQ(Nearest("interval", {"loop", "change-interval"}), "change-interval");
  EXPECT_EQ(Nearest("val", {"loop", "change-interval"}), "");
  EXPECT_EQ(Nearest("inn", {"id", "in", "at"}), "in");
  EXPECT_EQ(Nearest("quux", {"loop", "schedule"}), "");
  EXPECT_EQ(Nearest("", {"at", "in"}), "");
}

TEST(WrappedTest, BreaksAtBlanksAndKeepsLongWords) {
  EXPECT_THAT(Wrapped("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(Wrapped("incomprehensible x", 5), ElementsAre("incomprehensible", "x"));
}

}  // namespace
}  // namespace timerd::cli
