// timerctl batch.
#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/escaping.h"
#include "tests/cli/timerctl_test.h"
#include "timerd/v1/errors.pb.h"

namespace timerd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kTwoLines[] =
    "{\"schedule\":{\"id\":\"tea\",\"delay\":\"5s\"}}\n\n{\"cancel\":{\"id\":\"x\"}}\n";
constexpr char kDone[] =
    "results { acknowledged { id: 'tea' now { seconds: 1795510800 } "
    "deadline { seconds: 1795510805 } } }";
constexpr char kCancelled[] = "results { cancel { now { seconds: 1795510800 } } }";

// As text, a result that is an error with a reason.
std::string RefusedResult() {
  v1::StatusDetails details;
  details.ParseFromString(
      Refused(grpc::StatusCode::NOT_FOUND, "UNKNOWN_ID", "no handle \"x\"").error_details());
  return absl::StrCat("results { error { code: 5 message: 'no handle \"x\"' details { type_url: '",
                      details.details(0).type_url(), "' value: '",
                      absl::CEscape(details.details(0).value()), "' } } }");
}

TEST_F(TimerctlTest, CarriesOutALineEach) {
  fake_.AnswerWith({{absl::StrCat(kDone, kCancelled)}});
  const Result result = Run({"batch", "-"}, kTwoLines);
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out,
            "line 1: timer tea is due 2026-11-24 09:00:05.000 (in 5 s)\n"
            "line 3: x cancelled at 2026-11-24 09:00:00.000\n");
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(fake_.requests(),
              ElementsAre("Batch { items { schedule { id: \"tea\" delay { seconds: 5 } } } "
                          "items { cancel { id: \"x\" } } }"));
}

TEST_F(TimerctlTest, SaysWhichLinesOfABatchWereRefused) {
  fake_.AnswerWith({{absl::StrCat(kDone, RefusedResult())}});
  const Result result = Run({"batch", "-"}, kTwoLines);
  EXPECT_EQ(result.code, 6);
  EXPECT_THAT(result.out, HasSubstr("\nline 3: NOT_FOUND (UNKNOWN_ID): no handle \"x\"\n"));
  EXPECT_EQ(result.err, "1 of 2 lines refused\n");
  const Result json = Run({"batch", "-", "--json"}, kTwoLines);
  EXPECT_EQ(json.code, 6);
  EXPECT_THAT(json.out, StartsWith("{\"line\":1,\"acknowledged\":{\"id\":\"tea\","));
  EXPECT_THAT(json.out, HasSubstr("}\n{\"line\":3,\"error\":{\"code\":5,\"message\":\"no handle "
                                  "\\\"x\\\"\",\"details\":[{\"@type\":"));
  EXPECT_EQ(json.err, "");
}

TEST_F(TimerctlTest, SendsNothingWhenALineOfABatchCannotBeRead) {
  const std::string name = ::testing::TempDir() + "/timerctl_batch.jsonl";
  std::ofstream(name) << kTwoLines << "cancel x\n";
  const Result result = Run({"batch", name});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err,
              StartsWith("timerctl batch: " + name + ": line 4: no operation in JSON: "));
  std::remove(name.c_str());
  EXPECT_THAT(Run({"batch", "/no/such/file"}).err,
              HasSubstr("/no/such/file: cannot be read; name"));
  EXPECT_THAT(Run({"batch", "-"}).err,
              HasSubstr("batch: standard input: no operation in it; write one a line"));
  EXPECT_TRUE(fake_.requests().empty());
}

TEST_F(TimerctlTest, ExitsByTheStatusOfABatchThatWasRefusedAsAWhole) {
  fake_.AnswerWith(
      {{}, Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED", "too many")});
  const Result result = Run({"batch", "-"}, kTwoLines);
  EXPECT_EQ(result.code, 18);
  EXPECT_EQ(result.err, "timerctl: RESOURCE_EXHAUSTED (LIMIT_EXCEEDED): too many\n");
}

TEST_F(TimerctlTest, DoesNotTakeTooFewResultsForAnAnswer) {
  fake_.AnswerWith({{kDone}});
  const Result result = Run({"batch", "-"}, kTwoLines);
  EXPECT_EQ(result.code, 12);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("answered with 1 result for 2 operations"));
}

TEST_F(TimerctlTest, SendsALongBatchInSeveralCallsAndSaysHowFarItCame) {
  const std::string name = ::testing::TempDir() + "/timerctl_long_batch.jsonl";
  {
    std::ofstream file(name);
    for (int i = 0; i < 25'000; ++i) {
      file << "{\"cancel\":{\"id\":\"" << i << "\"}}\n";
    }
  }
  std::string results;
  for (int i = 0; i < 10'000; ++i) {
    results += kCancelled;
  }
  fake_.AnswerWith({{results}});
  fake_.ThenWith({{}, Refused(grpc::StatusCode::UNAVAILABLE, "SHUTTING_DOWN", "shutting down")});
  const Result result = Run({"batch", name});
  EXPECT_EQ(result.code, 24);
  EXPECT_THAT(result.out, HasSubstr("\nline 10000: 9999 cancelled at "));
  EXPECT_EQ(result.err,
            "timerctl: UNAVAILABLE (SHUTTING_DOWN): shutting down\n"
            "timerctl: that was for lines 10001 to 20000; those before were answered, those behind "
            "not sent\n");
  EXPECT_THAT(fake_.requests(), SizeIs(2));
  std::remove(name.c_str());
}

}  // namespace
}  // namespace timerd::cli
