#include "client/cli/batch_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace timerd::cli {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(absl::string_view text) {
  return std::string(ParseBatchLines(text).status().message());
}

TEST(ParseBatchLinesTest, ReadsAnOperationALine) {
  const auto lines = ParseBatchLines(
      R"({"schedule":{"id":"tea","delay":"300.5s","payload":"aGk=","detached":true}})"
      "\n"
      R"({"start_loop":{"id":"beat","interval":"1s","max_runs":"3","pacing":"PACING_FIXED_DELAY"}})"
      "\r\n"
      R"({"withTimeout":{"targetId":"tea","timeout":"60s"}})"
      "\n");
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_EQ(lines->size(), 3u);
  EXPECT_EQ((*lines)[0].item.ShortDebugString(),
            "schedule { id: \"tea\" delay { seconds: 300 nanos: 500000000 } payload: \"hi\" "
            "detached: true }");
  EXPECT_EQ((*lines)[1].item.ShortDebugString(),
            "start_loop { id: \"beat\" interval { seconds: 1 } pacing: PACING_FIXED_DELAY "
            "max_runs: 3 }");
  EXPECT_EQ((*lines)[2].item.ShortDebugString(),
            "with_timeout { target_id: \"tea\" timeout { seconds: 60 } }");
}

TEST(ParseBatchLinesTest, CountsBlankLinesWhichAreNoOperations) {
  const auto lines = ParseBatchLines("\n  \n{\"cancel\":{\"id\":\"a\"}}\n\r\n{\"cancel\":{}}");
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_EQ(lines->size(), 2u);
  EXPECT_EQ((*lines)[0].number, 3u);
  EXPECT_EQ((*lines)[1].number, 5u);
  EXPECT_TRUE(ParseBatchLines("")->empty());
}

TEST(ParseBatchLinesTest, NamesTheLineTheRuleAndTheWayOut) {
  const std::string good = "{\"cancel\":{\"id\":\"a\"}}\n";
  EXPECT_EQ(ErrorOf(good + good + "{}"),
            "line 3: names none of schedule, start_loop, with_timeout, cancel, stop_loop, report "
            "and reschedule; write for example {\"cancel\":{\"id\":\"tea\"}}");
  EXPECT_THAT(ErrorOf(good + "cancel tea"), HasSubstr("line 2: no operation in JSON: "));
  EXPECT_THAT(ErrorOf("{\"cancel\":{\"name\":\"a\"}}"), HasSubstr("name: Cannot find field;"));
  EXPECT_THAT(ErrorOf("{\"cancle\":{}}"), HasSubstr("cancle: Cannot find field;"));
  EXPECT_THAT(ErrorOf("{\"cancel\":{},\"stop_loop\":{}}"), HasSubstr("JSON: invalid value oneof"));
  EXPECT_THAT(ErrorOf("{\"schedule\":{\"delay\":\"5m\"}}"), HasSubstr("line 1: "));
  EXPECT_THAT(ErrorOf("{\"cancel\":{\"id\":\"\xFF\"}}"), HasSubstr("line 1: not UTF-8"));
  for (const std::string text : {"[]", "1", "null", "{", "{\"cancel\":{\"id\":5}}"}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("line 1: ")) << text;
    EXPECT_EQ(ErrorOf(text).find('\n'), std::string::npos) << text;
  }
}

TEST(FittingIntoOneCallTest, TakesTenThousandLinesAtMost) {
  std::vector<BatchLine> lines(10'001);
  EXPECT_EQ(FittingIntoOneCall(lines), 10'000u);
  lines.resize(10'000);
  EXPECT_EQ(FittingIntoOneCall(lines), 10'000u);
}

TEST(FittingIntoOneCallTest, TakesOneMebibyteAtMost) {
  std::vector<BatchLine> lines(40);
  for (BatchLine& line : lines) {
    line.item.mutable_schedule()->set_payload(std::string(60'000, 'x'));
  }
  const size_t count = FittingIntoOneCall(lines);
  v1::BatchRequest request;
  request.set_namespace_(std::string(63, 'n'));
  for (size_t i = 0; i < count; ++i) {
    *request.add_items() = lines[i].item;
  }
  EXPECT_LE(request.ByteSizeLong(), size_t{1} << 20);
  *request.add_items() = lines[count].item;
  EXPECT_GT(request.ByteSizeLong(), size_t{1} << 20);
}

TEST(FittingIntoOneCallTest, LeavesALineThatIsTooLongToTheServer) {
  std::vector<BatchLine> lines(2);
  lines[0].item.mutable_schedule()->set_payload(std::string(2 << 20, 'x'));
  EXPECT_EQ(FittingIntoOneCall(lines), 1u);
}

}  // namespace
}  // namespace timerd::cli
