// Each bound of what the API accepts: the value at it and the one past it, and what the refusal
// says. What goes wrong over the wire is in tests/integration/refusal_test.cc.
#include "tests/service/validation_fixture.h"

namespace timerd::service {
namespace {

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

TEST_F(ValidationTest, TakesNamespacesThatAreNames) {
  EXPECT_EQ(*Validator::ToNamespace(""), "default");
  for (const std::string& name : {std::string("a"), std::string("0"),
                                  std::string("billing-eu_2.test"), std::string(63, 'n')}) {
    EXPECT_EQ(*Validator::ToNamespace(name), name);
  }
  for (const std::string& name :
       {std::string(64, 'n'), std::string("Billing"), std::string("b\xc3\xbc"), std::string("a/b"),
        std::string("a b"), std::string("-a"), std::string(".a"), std::string("_a"),
        std::string("a\0", 2)}) {
    EXPECT_THAT(Validator::ToNamespace(name),
                BadField("namespace", "is not a name; use 1 to 63 of a-z, 0-9, '-', '_' and '.'"));
  }
  EXPECT_LT(Validator::ToNamespace(std::string(100'000, 'n')).status().message().size(), 250);
}

TEST_F(ValidationTest, BoundsIdempotencyKeys) {
  const std::string longest(64, 'k');
  EXPECT_EQ(Schedule("delay {} idempotency_key: '" + longest + "'")->idempotency_key, longest);
  const std::string what = "idempotency_key of 65 bytes is above the 64 that it may have; use a";
  EXPECT_THAT(Schedule("id: 'a' delay {} idempotency_key: '" + longest + "k'"),
              BadField("idempotency_key", "timer \"a\": " + what));
  EXPECT_THAT(StartLoop("interval {} idempotency_key: '" + longest + "k'"),
              BadField("idempotency_key", "loop: " + what));
  EXPECT_THAT(WithTimeout("target_id: 'a' timeout {} idempotency_key: '" + longest + "k'"),
              BadField("idempotency_key", "WithTimeout of \"a\": " + what));
}

TEST_F(ValidationTest, BoundsTheWaitForALostClient) {
  EXPECT_EQ(Schedule("delay {}")->client_lost_after, Span::zero());  // for ever
  EXPECT_EQ(
      Schedule("delay {} reported: true client_lost_after { nanos: 1000000 }")->client_lost_after,
      kTickDuration);
  EXPECT_THAT(Schedule("id: 'a' delay {} reported: true client_lost_after { nanos: 999999 }"),
              BadField("client_lost_after",
                       "timer \"a\": client_lost_after 999.999us is shorter than the 1ms tick; use "
                       "1ms or more"));
  EXPECT_THAT(StartLoop("interval {} client_lost_after {}"),
              BadField("client_lost_after", "loop: client_lost_after 0 is shorter"));
  EXPECT_THAT(WithTimeout("timeout {} client_lost_after { seconds: 101 }"),
              BadField("client_lost_after", "--max-delay"));
  EXPECT_THAT(WithTimeout("timeout {} client_lost_after { seconds: -1 }"),
              BadField("client_lost_after", "is negative"));
}

TEST_F(ValidationTest, WaitsForNoClientWhereNothingIsReported) {
  const std::string what = "client_lost_after is for runs that are reported, and this has none";
  EXPECT_THAT(Schedule("id: 'a' delay {} client_lost_after { seconds: 1 }"),
              BadField("client_lost_after", "timer \"a\": " + what));
  EXPECT_THAT(StartLoop("interval { seconds: 1 } plain: true client_lost_after { seconds: 1 }"),
              BadField("client_lost_after", "loop: " + what));
}

TEST_F(ValidationTest, ReplacesAndWatchesNoTargetOfATimeOut) {
  EXPECT_THAT(WithTimeout("target_id: 'a' timeout {} replace: true"),
              BadField("replace", "WithTimeout of \"a\": replace is for new tasks; leave it out"));
  EXPECT_THAT(WithTimeout("target_id: 'a' timeout {} client_lost_after { seconds: 1 }"),
              BadField("client_lost_after", "client_lost_after is for new tasks; leave it out"));
}

TEST_F(ValidationTest, BoundsHowFarAClockGoes) {
  EXPECT_EQ(std::get<reactor::StepBy>(*Advance("by { seconds: 100 }")).by,
            std::chrono::seconds(100));
  EXPECT_EQ(std::get<reactor::StepBy>(*Advance("by {}")).by, Span::zero());
  const auto jump = Advance("by { seconds: 1 } jump: true limit: 7");
  EXPECT_EQ(std::get<reactor::JumpBy>(*jump).by, std::chrono::seconds(1));
  EXPECT_EQ(std::get<reactor::JumpBy>(*jump).limit, 7u);
  EXPECT_EQ(std::get<reactor::JumpBy>(*Advance("by {} jump: true")).limit, 0u);
  EXPECT_THAT(Advance(""), BadField("by", "Advance: by is not set; set it, to 0s to fire what is"));
  EXPECT_THAT(Advance("by { nanos: -1 }"), BadField("by", "Advance: by -0.000000001s is negative"));
  EXPECT_THAT(Advance("by { seconds: 101 }"), BadField("by", "is above --max-delay=1m40s"));
  EXPECT_THAT(Advance("by {} limit: 1"),
              BadField("limit", "Advance: limit 1 goes with jump; set jump, or leave limit out"));
}

TEST_F(ValidationTest, NamesTheFieldOfEachRefusal) {
  EXPECT_THAT(Schedule(""), NamesField("delay"));
  EXPECT_THAT(Schedule("delay { nanos: -1 }"), NamesField("delay"));
  EXPECT_THAT(Schedule("at { nanos: -1 }"), NamesField("at"));
  EXPECT_THAT(WithTimeout(""), NamesField("timeout"));
  EXPECT_THAT(WithTimeout("timeout {} fallback {}"), NamesField("fallback.result"));
  EXPECT_THAT(WithTimeout("id: 'a' target_id: 'b'"), NamesField("id"));
  EXPECT_THAT(WithTimeout("target_id: 'abcde'"), NamesField("target_id"));
  EXPECT_THAT(Move(""), NamesField("from_now"));
  EXPECT_THAT(Move("delay_by { seconds: 101 }"), NamesField("delay_by"));
  EXPECT_THAT(Move("at { nanos: -1 }"), NamesField("at"));
  EXPECT_THAT(Report(""), NamesField("run"));
  EXPECT_THAT(Report("run: 1"), NamesField("outcome"));
  EXPECT_THAT(Report("run: 1 outcome {}"), NamesField("outcome.result"));
  EXPECT_THAT(Schedule("delay {} payload: '12345'"), NamesField("max-payload-bytes"));
}

}  // namespace
}  // namespace timerd::service
