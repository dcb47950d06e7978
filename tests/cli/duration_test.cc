#include "client/cli/duration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

namespace timerd::cli {
namespace {

using ::testing::HasSubstr;

google::protobuf::Duration Of(int64_t seconds, int32_t nanos = 0) {
  google::protobuf::Duration duration;
  duration.set_seconds(seconds);
  duration.set_nanos(nanos);
  return duration;
}

std::string ErrorOf(absl::string_view text) {
  return std::string(ParseDuration(text).status().message());
}

TEST(ParseDurationTest, ReadsEveryUnitExactly) {
  const struct {
    absl::string_view text;
    int64_t seconds;
    int32_t nanos;
  } cases[] = {
      {"0s", 0, 0},
      {"3.5s", 3, 500'000'000},
      {"5m", 300, 0},
      {"1h30m", 5400, 0},
      {"250ms", 0, 250'000'000},
      {"2d", 172'800, 0},
      {"10us", 0, 10'000},
      {"1ns", 0, 1},
      {"1.000000001s", 1, 1},
      {"0.5d", 43'200, 0},
      {"1d2h3m4s5ms6us7ns", 93'784, 5'006'007},
      {"+5s", 5, 0},
      {"-10s", -10, 0},
      {"-1.5s", -1, -500'000'000},
      {"-0.25s", 0, -250'000'000},
      {"90m", 5400, 0},
      {"007s", 7, 0},
      {"315576000000s", 315'576'000'000, 0},
      {"-315576000000s", -315'576'000'000, 0},
  };
  for (const auto& c : cases) {
    const auto parsed = ParseDuration(c.text);
    ASSERT_TRUE(parsed.ok()) << c.text << ": " << parsed.status();
    EXPECT_EQ(parsed->seconds(), c.seconds) << c.text;
    EXPECT_EQ(parsed->nanos(), c.nanos) << c.text;
  }
}

TEST(ParseDurationTest, RefusesABareNumberAndSaysWhatToWrite) {
  EXPECT_THAT(ErrorOf("5"), HasSubstr("write 5s for seconds"));
  EXPECT_THAT(ErrorOf("0"), HasSubstr("write 0s"));
  EXPECT_THAT(ErrorOf("1m30"), HasSubstr("without a unit"));
  EXPECT_THAT(ErrorOf("-2.5"), HasSubstr("write 2.5s"));
}

TEST(ParseDurationTest, RefusesGarbage) {
  for (const absl::string_view text :
       {"",    "-",    "+",    "s",  "five", ".5s", "5.s", "1..5s", "--5s",  "5 s", " 5s",
        "5s ", "1e3s", "0x5s", "5S", "1:30", "5s5", "m",   "∞",     "5s-3s", "nan"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
  EXPECT_THAT(ErrorOf("5parsecs"), HasSubstr("\"parsecs\" is no unit"));
}

TEST(ParseDurationTest, RefusesUnitsOutOfOrderAndTwice) {
  EXPECT_THAT(ErrorOf("30m1h"), HasSubstr("largest to the smallest"));
  EXPECT_THAT(ErrorOf("1s1s"), HasSubstr("each once"));
}

TEST(ParseDurationTest, RefusesWhatADurationCannotCarry) {
  EXPECT_THAT(ErrorOf("315576000000.000000001s"), HasSubstr("10,000 years"));
  EXPECT_THAT(ErrorOf("315576000001s"), HasSubstr("10,000 years"));
  EXPECT_THAT(ErrorOf("999999999999999999d999999999999999999h"), HasSubstr("10,000 years"));
  EXPECT_THAT(ErrorOf("9999999999999999999999999999999999999999d"), HasSubstr("10,000 years"));
  EXPECT_TRUE(ParseDuration("3652500d").ok()) << "the error's own advice";
  EXPECT_THAT(ErrorOf("0.1ns"), HasSubstr("finer than a nanosecond"));
  EXPECT_THAT(ErrorOf("1.0000000001s"), HasSubstr("finer than a nanosecond"));
  EXPECT_THAT(ErrorOf("1.0000000000000000000000001s"), HasSubstr("finer than a nanosecond"));
  EXPECT_TRUE(ParseDuration("1.00000000000000000s").ok());
}

TEST(FormatDurationTest, WritesTheShortestForm) {
  EXPECT_EQ(FormatDuration(Of(0)), "0s");
  EXPECT_EQ(FormatDuration(Of(3, 500'000'000)), "3.5s");
  EXPECT_EQ(FormatDuration(Of(0, 250'000'000)), "250ms");
  EXPECT_EQ(FormatDuration(Of(0, 1'050)), "1.05us");
  EXPECT_EQ(FormatDuration(Of(5400)), "1h30m");
  EXPECT_EQ(FormatDuration(Of(86'400, 1)), "1d1ns");
  EXPECT_EQ(FormatDuration(Of(-1, -500'000'000)), "-1.5s");
  EXPECT_EQ(FormatDuration(Of(315'576'000'000)), "3652500d");
}

TEST(FormatDurationTest, IsReadBackToTheSameValue) {
  const char* given = std::getenv("TIMERD_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "TIMERD_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  int read_back = 0;
  for (int i = 0; i < 20'000; ++i) {
    const int sign = random() % 2 == 0 ? 1 : -1;
    // Magnitudes of every size, so that small units are met as often as large ones.
    const auto below = [&](uint64_t bound) { return (random() % bound) >> (random() % 40); };
    const auto duration = Of(sign * static_cast<int64_t>(below(315'576'000'000)),
                             sign * static_cast<int32_t>(below(1'000'000'000)));
    const auto parsed = ParseDuration(FormatDuration(duration));
    ASSERT_TRUE(parsed.ok()) << FormatDuration(duration);
    ASSERT_EQ(parsed->seconds(), duration.seconds()) << FormatDuration(duration);
    ASSERT_EQ(parsed->nanos(), duration.nanos()) << FormatDuration(duration);
    ++read_back;
  }
  EXPECT_EQ(read_back, 20'000);
}

}  // namespace
}  // namespace timerd::cli
