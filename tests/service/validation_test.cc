// Each bound of what the API accepts: the value at it and the one past it, and what the refusal
// says. What goes wrong over the wire is in tests/integration/refusal_test.cc.
#include "server/service/validation.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace timerd::service {
namespace {

using ::testing::AllOf;
using ::timerd::testing::HasStatus;
using ::timerd::testing::IsOk;
using ::timerd::testing::IsRefused;

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

class ValidationTest : public ::testing::Test {
 protected:
  auto Schedule(const std::string& text) const {
    return validator_.ToSpec(Parse<v1::ScheduleRequest>(text));
  }
  auto StartLoop(const std::string& text) const {
    return validator_.ToSpec(Parse<v1::StartLoopRequest>(text));
  }
  auto WithTimeout(const std::string& text) const {
    return validator_.ToSpec(Parse<v1::WithTimeoutRequest>(text));
  }
  auto Move(const std::string& text) const {
    return validator_.ToMove(Parse<v1::RescheduleRequest>(text));
  }
  auto Report(const std::string& text) const {
    return validator_.ToOutcome(Parse<v1::ReportRequest>(text));
  }

  const Validator validator_{{.max_id_bytes = 4,
                              .max_payload_bytes = 4,
                              .max_request_bytes = 64,
                              .max_delay = std::chrono::seconds(100)}};
};

auto BadField(absl::string_view part) {
  return AllOf(IsRefused(Reason::kInvalidField),
               HasStatus(absl::StatusCode::kInvalidArgument, std::string(part)));
}
auto OverLimit(absl::string_view part) {
  return AllOf(IsRefused(Reason::kLimitExceeded),
               HasStatus(absl::StatusCode::kResourceExhausted, std::string(part)));
}

TEST_F(ValidationTest, BoundsIds) {
  EXPECT_THAT(validator_.CheckId("id", "abcd"), IsOk());
  EXPECT_THAT(validator_.CheckId("id", "a \xc3\xa9"), IsOk());
  EXPECT_THAT(validator_.CheckId("id", "abcde"),
              BadField("id \"abcde\" has 5 bytes, above --max-id-bytes=4; use a shorter one"));
  EXPECT_THAT(validator_.CheckId("id", ""), BadField("id is empty; name the handle"));
  for (const char control : {'\0', '\x1f', '\x7f'}) {
    EXPECT_THAT(validator_.CheckId("id", std::string("ab") + control),
                BadField("has a control character at byte 2; use printable"));
  }
  const absl::Status huge = validator_.CheckId("id", std::string(100'000, 'x'));
  EXPECT_LT(huge.message().size(), 200);
}

TEST_F(ValidationTest, BoundsRequests) {
  v1::ScheduleRequest request;
  request.set_payload(std::string(62, 'p'));
  ASSERT_EQ(request.ByteSizeLong(), 64);
  EXPECT_THAT(validator_.CheckSize(request), IsOk());
  request.set_payload(std::string(63, 'p'));
  EXPECT_THAT(validator_.CheckSize(request),
              OverLimit("request of 65 bytes is above --max-request-bytes=64; send less"));
}

TEST_F(ValidationTest, BoundsPayloads) {
  EXPECT_THAT(Schedule("delay {} payload: '1234'"), IsOk());
  EXPECT_THAT(
      Schedule("id: 'a' delay {} payload: '12345'"),
      OverLimit("timer \"a\": payload of 5 bytes is above --max-payload-bytes=4; store it"));
  EXPECT_THAT(StartLoop("interval {} payload: '12345'"), OverLimit("loop: payload of 5"));
  EXPECT_THAT(WithTimeout("timeout {} fallback { result: RESULT_SUCCESS payload: '12345' }"),
              OverLimit("task: fallback.payload of 5"));
  EXPECT_THAT(Report("id: 'a' run: 1 outcome { result: RESULT_FAILURE payload: '12345' }"),
              OverLimit("Report on \"a\": outcome.payload of 5"));
}

TEST_F(ValidationTest, BoundsDelays) {
  EXPECT_EQ(Schedule("delay {}")->span, Span::zero());
  EXPECT_EQ(Schedule("delay { seconds: 100 }")->span, std::chrono::seconds(100));
  EXPECT_EQ(Schedule("delay { nanos: 1 }")->span, Span(1));
  EXPECT_THAT(
      Schedule("id: 'a' delay { seconds: 100 nanos: 1 }"),
      BadField("timer \"a\": delay 100.000000001s is above --max-delay=1m40s; use a shorter"));
  EXPECT_THAT(Schedule("delay { nanos: -1 }"),
              BadField("-0.000000001s is negative; use 0s or more"));
  EXPECT_THAT(Schedule("delay { seconds: 315576000000 }"), BadField("above --max-delay"));
  EXPECT_THAT(Schedule("delay { seconds: 315576000001 }"), BadField("malformed"));
  EXPECT_THAT(Schedule("delay { seconds: -9223372036854775808 }"), BadField("malformed"));
  EXPECT_THAT(Schedule("delay { nanos: 1000000000 }"), BadField("malformed"));
  EXPECT_THAT(Schedule("delay { seconds: -1 nanos: 1 }"), BadField("sign of seconds"));
  EXPECT_THAT(Schedule(""), BadField("neither delay nor at is set; set exactly one"));
  EXPECT_THAT(Schedule("delay {} at {}"), BadField("both delay and at are set"));
}

TEST_F(ValidationTest, BoundsAbsoluteTimes) {
  EXPECT_EQ(Schedule("at { seconds: 5 nanos: 6 }")->at, 5'000'000'006);
  EXPECT_EQ(Schedule("at { seconds: -62135596800 }")->at, 0);  // year 1: past
  EXPECT_THAT(Schedule("at { seconds: -62135596801 }"),
              BadField("malformed; use a time from year 1"));
  // Further ahead than nanoseconds reach, and than any --max-delay.
  EXPECT_EQ(Schedule("at { seconds: 253402300799 }")->at, 9'223'372'035'000'000'000);
  EXPECT_THAT(Schedule("at { seconds: 253402300800 }"), BadField("9999"));
  EXPECT_THAT(Schedule("at { nanos: 1000000000 }"), BadField("malformed"));
  EXPECT_THAT(Schedule("at { nanos: -1 }"), BadField("malformed"));
}

TEST_F(ValidationTest, BoundsIntervals) {
  EXPECT_EQ(StartLoop("interval {}")->span, Span::zero());
  EXPECT_EQ(StartLoop("interval { nanos: 1000000 }")->span, kTickDuration);
  EXPECT_THAT(
      StartLoop("id: 'l' interval { nanos: 999999 }"),
      BadField("loop \"l\": interval 999.999us is shorter than the 1ms tick; use 0s, or 1ms"));
  EXPECT_THAT(StartLoop("interval { nanos: 1 }"), BadField("shorter"));
  EXPECT_THAT(StartLoop(""), BadField("neither interval nor cron is set; set exactly one"));
  EXPECT_THAT(StartLoop("interval { seconds: 101 }"), BadField("--max-delay"));
  EXPECT_TRUE(StartLoop("interval {} start_now: true")->start_now);
}

TEST_F(ValidationTest, BoundsTimeOuts) {
  EXPECT_EQ(WithTimeout("timeout { seconds: 100 }")->span, std::chrono::seconds(100));
  EXPECT_THAT(WithTimeout("timeout { seconds: 101 }"), BadField("task: timeout 101s is above"));
  EXPECT_THAT(WithTimeout("target_id: 'a'"), BadField("WithTimeout of \"a\": timeout is not set"));
  EXPECT_THAT(WithTimeout("id: 'a' target_id: 'b' timeout {}"), BadField("both id and target_id"));
  EXPECT_THAT(WithTimeout("target_id: 'abcde'"), BadField("target_id \"abcde\" has 5 bytes"));
  EXPECT_THAT(WithTimeout("id: 'abcde'"), BadField("id \"abcde\" has 5 bytes"));
  EXPECT_THAT(WithTimeout("timeout {} fallback {}"), BadField("use RESULT_SUCCESS or"));
  EXPECT_FALSE(WithTimeout("timeout {} fallback { result: RESULT_FAILURE }")->fallback->success);
}

TEST_F(ValidationTest, BoundsMoves) {
  EXPECT_THAT(Move("id: 'a' from_now { seconds: 100 }"), IsOk());
  EXPECT_THAT(Move("id: 'a' from_now { seconds: 100 nanos: 1 }"),
              BadField("Reschedule of \"a\": from_now"));
  EXPECT_THAT(Move("from_now { nanos: -1 }"), BadField("negative"));
  EXPECT_THAT(Move("delay_by { seconds: -100 }"), IsOk());
  EXPECT_THAT(Move("delay_by { seconds: -100 nanos: -1 }"), BadField("--max-delay"));
  EXPECT_THAT(Move("delay_by { seconds: 101 }"), BadField("--max-delay"));
  EXPECT_THAT(Move("at { seconds: 1700000100 }"), IsOk());
  EXPECT_THAT(Move("id: 'a'"), BadField("0 of from_now, delay_by and at are set; set exactly one"));
  EXPECT_THAT(Move("from_now {} delay_by {} at {}"), BadField("3 of"));
}

TEST_F(ValidationTest, WantsAWholeReport) {
  EXPECT_TRUE(Report("run: 1 outcome { result: RESULT_SUCCESS }")->success);
  EXPECT_THAT(Report("id: 'a' outcome {}"), BadField("Report on \"a\": run is not set; set it to"));
  EXPECT_THAT(Report("run: 1"), BadField("outcome is not set"));
  EXPECT_THAT(Report("run: 1 outcome {}"), BadField("outcome.result 0 is not a result"));
  EXPECT_THAT(Report("run: 1 outcome { result: 3 }"), BadField("outcome.result 3 is not a result"));
}

}  // namespace
}  // namespace timerd::service
