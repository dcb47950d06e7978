#include "client/cli/json.h"

#include <gtest/gtest.h>

#include <memory>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "timerd/v1/errors.pb.h"
#include "timerd/v1/queues.pb.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::cli {
namespace {

template <typename T>
std::string LineOf(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return JsonLine(message);
}

// Sets what shows only when it is set, down to the last message. Returns how many fields it saw.
int Fill(google::protobuf::Message* message) {
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  const int count = message->GetDescriptor()->field_count();
  int fields = 0;
  for (int i = 0; i < count; ++i) {
    const google::protobuf::FieldDescriptor& field = *message->GetDescriptor()->field(i);
    ++fields;
    if (field.real_containing_oneof() == nullptr && field.message_type() != nullptr) {
      fields += Fill(field.is_repeated() ? reflection.AddMessage(message, &field)
                                         : reflection.MutableMessage(message, &field));
    } else if (field.cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_ENUM) {
      reflection.SetEnumValue(message, &field, 1);
    } else if (field.has_optional_keyword()) {
      reflection.SetUInt64(message, &field, 1);
    }
  }
  return fields;
}

TEST(JsonLineTest, WritesAnEvent) {
  EXPECT_EQ(LineOf<v1::WatchResponse>(
                R"(event { id: "tea" kind: KIND_TIMER type: TYPE_FIRED sequence: 1
             time { seconds: 1795510800 nanos: 1000000 } deadline { seconds: 1795510800 }
             run: 1 payload: "hello, \"world\"" })"),
            R"({"event":{"id":"tea","kind":"TIMER","type":"FIRED","sequence":1,)"
            R"("time":"2026-11-24T09:00:00.001Z","deadline":"2026-11-24T09:00:00Z","run":1,)"
            R"("payload":"hello, \"world\"","count":0,"missed":0,"by_timeout":false,)"
            R"("redelivery":false,"generation":0,"reason":"","triggered":false,)"
            R"("queue":"","attempts":0,"cursor":""},"cursor":""})");
}

TEST(JsonLineTest, WritesBytesThatAreNoTextAsBase64UnderAnotherName) {
  EXPECT_EQ(LineOf<v1::Outcome>(R"(result: RESULT_SUCCESS payload: "\xff\x00")"),
            R"({"result":"SUCCESS","payload_base64":"/wA="})");
}

TEST(JsonLineTest, WritesAMessageUnderAName) {
  EXPECT_EQ(JsonLine("revoked", v1::WorkResponse::Revoked()), R"({"revoked":{"id":"","lease":0}})");
}

TEST(JsonLineTest, WritesAnAcknowledgementWithoutADeadline) {
  EXPECT_EQ(LineOf<v1::ScheduleResponse>(R"(acknowledged { id: "a" now { seconds: 1 } })"),
            R"({"acknowledged":{"id":"a","now":"1970-01-01T00:00:01Z","existed":false,)"
            R"("generation":0}})");
}

TEST(JsonLineTest, WritesAHandleWithItsTimeouts) {
  EXPECT_EQ(
      LineOf<v1::GetResponse>(
          R"(now { seconds: 5 } handle { id: "beat" kind: KIND_LOOP state: STATE_PENDING
             reported: true created { seconds: 1 } deadline { seconds: 6 }
             timeouts { deadline { seconds: 9 } timeout { seconds: 8 nanos: 500000000 } }
             run: 18446744073709551615 sequence: 4 interval { seconds: 1 } })"),
      R"({"now":"1970-01-01T00:00:05Z","handle":{"id":"beat","kind":"LOOP","state":"PENDING",)"
      R"("reported":true,"created":"1970-01-01T00:00:01Z","deadline":"1970-01-01T00:00:06Z",)"
      R"("timeouts":[{"deadline":"1970-01-01T00:00:09Z","timeout":"8.500s"}],)"
      R"("run":18446744073709551615,"sequence":4,"payload":"","interval":"1s",)"
      R"("end_payload":"","by_timeout":false,"generation":0,"end_reason":"","namespace":""}})");
}

TEST(JsonLineTest, WritesWhatALoopIsAndLeavesOutOptionalNumbersThatAreNotSet) {
  EXPECT_EQ(LineOf<v1::Loop>(R"(cron { expression: "0 9 * * *" time_zone: "UTC" } missed: 2
                                upcoming { seconds: 1 } upcoming { seconds: 2 })"),
            R"({"cron":{"expression":"0 9 * * *","time_zone":"UTC"},"paused":false,"missed":2,)"
            R"("upcoming":["1970-01-01T00:00:01Z","1970-01-01T00:00:02Z"]})");
  EXPECT_EQ(LineOf<v1::Loop>(R"(pacing: PACING_FIXED_DELAY max_runs: 0
                                missed_ticks { policy: POLICY_RUN_ALL max_runs: 7 })"),
            R"({"pacing":"FIXED_DELAY","missed_ticks":{"policy":"RUN_ALL","max_runs":7},)"
            R"("max_runs":0,"paused":false,"missed":0,"upcoming":[]})");
}

TEST(JsonLineTest, WritesTheDetailsOfAnErrorUnderTheNameOfTheirType) {
  v1::ErrorInfo info;
  info.set_reason("INVALID_FIELD");
  info.set_domain("timerd");
  (*info.mutable_metadata())["field"] = "id";
  v1::StatusDetails details;
  details.set_code(3);
  details.set_message("no");
  details.add_details()->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  details.mutable_details(0)->set_value(info.SerializeAsString());
  details.add_details()->set_type_url("example.com/Other");
  details.mutable_details(1)->set_value("\xFF");
  EXPECT_EQ(JsonLine(details),
            R"({"code":3,"message":"no","details":[{"@type":"type.googleapis.com/google.rpc.)"
            R"(ErrorInfo","reason":"INVALID_FIELD","domain":"timerd","metadata":{"field":"id"}},)"
            R"({"@type":"example.com/Other","value_base64":"/w=="}]})");
}

TEST(JsonLineTest, WritesWhenToTryAgain) {
  v1::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(300'000'000);
  v1::StatusDetails details;
  details.add_details()->set_type_url("type.googleapis.com/google.rpc.RetryInfo");
  details.mutable_details(0)->set_value(retry.SerializeAsString());
  EXPECT_EQ(JsonLine(details),
            R"({"code":0,"message":"","details":[{"@type":"type.googleapis.com/google.rpc.)"
            R"(RetryInfo","retry_delay":"0.300s"}]})");
}

TEST(JsonLineTest, KnowsTheTypeOfEveryFieldOfTheApi) {
  int fields = 0;
  for (const auto* file : {v1::Event::descriptor()->file(), v1::ErrorInfo::descriptor()->file(),
                           v1::Queue::descriptor()->file()}) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      std::unique_ptr<google::protobuf::Message> message(
          google::protobuf::MessageFactory::generated_factory()
              ->GetPrototype(file->message_type(i))
              ->New());
      fields += Fill(message.get());
      EXPECT_EQ(JsonLine(*message).find("null"), std::string::npos) << JsonLine(*message);
    }
  }
  EXPECT_GT(fields, 100);
}

TEST(JsonLineTest, WritesEveryUnaryReply) {
  EXPECT_EQ(LineOf<v1::CancelResponse>("now { seconds: 1 }"), R"({"now":"1970-01-01T00:00:01Z"})");
  EXPECT_EQ(LineOf<v1::StopLoopResponse>("state: STATE_STOPPING"), R"({"state":"STOPPING"})");
  EXPECT_EQ(LineOf<v1::ReportResponse>("end: END_TIMED_OUT"),
            R"({"accepted":false,"end":"TIMED_OUT"})");
  EXPECT_EQ(LineOf<v1::RescheduleResponse>("deadline { seconds: -1 nanos: 5000000 }"),
            R"({"deadline":"1969-12-31T23:59:59.005Z"})");
}

TEST(JsonLineTest, WritesEnumValuesOfANewerServerAsNumbers) {
  v1::StopLoopResponse reply;
  reply.set_state(static_cast<v1::State>(99));
  EXPECT_EQ(JsonLine(reply), R"({"state":99})");
}

TEST(JsonLineTest, IsReadByAnotherJsonParser) {
  v1::Event event;
  event.set_payload("\x01\"\\/\b\f\n\r\t\x7f é € 😀 \xC2\x9B");
  google::protobuf::Struct parsed;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(JsonLine(event), &parsed).ok());
  EXPECT_EQ(parsed.fields().at("payload").string_value(), event.payload());
}

}  // namespace
}  // namespace timerd::cli
