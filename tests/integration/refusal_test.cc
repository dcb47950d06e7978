// Bad input through the wire: what each call refuses, how it says so, and that nothing else
// notices.
#include <set>

#include "tests/integration/server_test.h"

namespace timerd::testing {
namespace {

using ::testing::HasSubstr;

struct Case {
  std::string method;
  std::string request;
  grpc::StatusCode code;
  std::string reason;
  // Parts of the message: the thing, the value, the rule, the way out.
  std::vector<std::string> parts;
};

constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;
constexpr auto kNotFound = grpc::StatusCode::NOT_FOUND;
constexpr auto kExists = grpc::StatusCode::ALREADY_EXISTS;
constexpr auto kPrecondition = grpc::StatusCode::FAILED_PRECONDITION;
constexpr auto kExhausted = grpc::StatusCode::RESOURCE_EXHAUSTED;

class RefusalTest : public ServerTest {
 protected:
  void SetUp() override {
    StartServer();
    bystander_.emplace(client().Schedule("id: 'bystander' delay { seconds: 2 }"));
    bystander_deadline_ = Nanos(bystander_->Acknowledged().deadline());
  }
  // Nothing was made that should not have been, and the bystander fires when it should.
  void TearDown() override {
    std::set<std::string> ids;
    const auto listed = client().List("page_size: 1000");
    for (const v1::Handle& handle : listed->handles()) {
      ids.insert(handle.id());
    }
    EXPECT_EQ(ids, made_);
    const v1::Event fired = bystander_->Event();
    EXPECT_EQ(fired.type(), v1::Event::TYPE_FIRED);
    EXPECT_EQ(Nanos(fired.deadline()), bystander_deadline_);
    EXPECT_LT(Nanos(fired.time()) - bystander_deadline_, 1'000'000'000);
    EXPECT_THAT(bystander_->Finish(), IsOkCall());
  }

  void Make(const std::string& method, const std::string& id, const std::string& rest) {
    ASSERT_THAT(client().Try(method, "detached: true id: '" + id + "' " + rest), IsOkCall());
    made_.insert(id);
  }
  void Check(const std::vector<Case>& cases) {
    for (const Case& each : cases) {
      SCOPED_TRACE(each.method + " " + each.request.substr(0, 200));
      const grpc::Status status = client().Try(each.method, each.request);
      EXPECT_THAT(status, IsRefusedWith(each.code, each.reason));
      for (const std::string& part : each.parts) {
        EXPECT_THAT(status.error_message(), HasSubstr(part));
      }
      if (each.reason == "INVALID_FIELD") {
        EXPECT_NE(DetailOf(status, "field"), "");
      }
      if (each.reason == "LIMIT_EXCEEDED") {
        EXPECT_NE(DetailOf(status, "limit"), "");
        EXPECT_EQ(RetryDelayOf(status), std::nullopt) << "it would be as large as now";
      }
    }
  }

 private:
  std::optional<Stream<v1::ScheduleResponse>> bystander_;
  int64_t bystander_deadline_ = 0;
  std::set<std::string> made_ = {"bystander"};
};

TEST_F(RefusalTest, NamesEachBadTimeAndTheWayOut) {
  const std::string far = "9223372036854775807";
  const std::string bad = "INVALID_FIELD";
  Check({
      {"Schedule",
       "id: 'a' delay { seconds: -1 }",
       kInvalid,
       bad,
       {"timer \"a\"", "delay -1s", "negative", "0s or more"}},
      {"Schedule", "delay { nanos: -1 }", kInvalid, bad, {"delay", "negative"}},
      {"Schedule", "id: 'a'", kInvalid, bad, {"neither", "exactly one"}},
      {"Schedule", "delay {} at {}", kInvalid, bad, {"both", "exactly one"}},
      {"Schedule", "delay { seconds: " + far + " }", kInvalid, bad, {far, "malformed"}},
      {"Schedule", "delay { seconds: -" + far + " }", kInvalid, bad, {far, "malformed"}},
      {"Schedule", "delay { seconds: 315576000000 }", kInvalid, bad, {"--max-delay"}},
      {"Schedule",
       "delay { seconds: 3153600001 }",
       kInvalid,
       bad,
       {"3153600001s", "--max-delay", "shorter"}},
      {"Schedule", "delay { seconds: 3153600000 nanos: 1 }", kInvalid, bad, {"--max-delay"}},
      {"Schedule", "delay { nanos: 1000000000 }", kInvalid, bad, {"malformed"}},
      {"Schedule", "delay { seconds: 1 nanos: -1 }", kInvalid, bad, {"sign"}},
      {"Schedule", "at { seconds: 253402300799 }", kInvalid, bad, {"--max-delay"}},
      {"Schedule", "at { seconds: " + far + " }", kInvalid, bad, {"9999"}},
      {"Schedule", "at { seconds: -" + far + " }", kInvalid, bad, {"year 1"}},
      {"Schedule", "at { nanos: -1 }", kInvalid, bad, {"malformed"}},
      {"StartLoop", "id: 'l'", kInvalid, bad, {"loop \"l\"", "neither interval nor cron is set"}},
      {"StartLoop", "interval { seconds: -1 }", kInvalid, bad, {"negative"}},
      {"StartLoop", "interval { nanos: 1 }", kInvalid, bad, {"1ns", "1ms", "0s"}},
      {"StartLoop", "interval { nanos: 999999 }", kInvalid, bad, {"1ms tick"}},
      {"StartLoop", "interval { seconds: 3153600001 }", kInvalid, bad, {"--max-delay"}},
      {"WithTimeout", "id: 't'", kInvalid, bad, {"task \"t\"", "timeout is not set"}},
      {"WithTimeout", "timeout { nanos: -1 }", kInvalid, bad, {"negative"}},
      {"WithTimeout", "timeout { seconds: 3153600001 }", kInvalid, bad, {"--max-delay"}},
      {"WithTimeout", "id: 'a' target_id: 'b' timeout {}", kInvalid, bad, {"both"}},
      {"WithTimeout", "timeout {} fallback {}", kInvalid, bad, {"RESULT_SUCCESS"}},
      {"Reschedule", "id: 'bystander'", kInvalid, bad, {"exactly one"}},
      {"Reschedule", "id: 'bystander' from_now {} at {}", kInvalid, bad, {"2 of"}},
      {"Reschedule", "id: 'bystander' from_now { seconds: -1 }", kInvalid, bad, {"negative"}},
      {"Reschedule",
       "id: 'bystander' delay_by { seconds: 3153600000 }",
       kInvalid,
       bad,
       {"--max-delay"}},
      {"Reschedule", "id: 'bystander' at { seconds: 253402300799 }", kInvalid, bad, {}},
  });
}

TEST_F(RefusalTest, NamesEachBadIdAndTheWayOut) {
  const std::string longest(256, 'i');
  const std::string too_long(257, 'i');
  const std::string huge(100'000, 'i');
  const std::string bad = "INVALID_FIELD";
  std::vector<Case> cases;
  for (const std::string method : {"Watch", "Cancel", "StopLoop", "Report", "Reschedule", "Get"}) {
    const std::string rest = method == "Report"       ? " run: 1 outcome { result: RESULT_SUCCESS }"
                             : method == "Reschedule" ? " from_now {}"
                                                      : "";
    cases.push_back({method, rest, kInvalid, bad, {"id is empty"}});
    cases.push_back({method,
                     "id: '" + too_long + "'" + rest,
                     kInvalid,
                     bad,
                     {"257 bytes", "--max-id-bytes=256", "shorter"}});
    cases.push_back({method, "id: '" + huge + "'" + rest, kInvalid, bad, {"100000"}});
    cases.push_back({method, "id: 'a\\nb'" + rest, kInvalid, bad, {"control", "byte 1"}});
    cases.push_back({method, "id: 'nobody'" + rest, kNotFound, "UNKNOWN_ID", {"\"nobody\""}});
    cases.push_back({method, "id: '" + longest + "'" + rest, kNotFound, "UNKNOWN_ID", {longest}});
  }
  for (const std::string field : {"id", "target_id"}) {
    for (const std::string timeout : {"{}", "{ seconds: -1 }"}) {
      cases.push_back({"WithTimeout",
                       field + ": '" + huge + "' timeout " + timeout,
                       kInvalid,
                       bad,
                       {field, "--max-id-bytes"}});
    }
  }
  cases.push_back({"WithTimeout", "target_id: 'nobody' timeout {}", kNotFound, "UNKNOWN_ID", {}});
  cases.push_back({"Schedule", "id: '" + too_long + "' delay {}", kInvalid, bad, {"257"}});
  cases.push_back({"Schedule", "id: '\\177' delay {}", kInvalid, bad, {"control"}});
  cases.push_back({"StartLoop", "id: '\\t' interval {}", kInvalid, bad, {"control"}});
  Check(cases);
  Make("Schedule", longest, "delay { seconds: 3600 }");
}

TEST_F(RefusalTest, NamesEachLimitOfSizeAndItsFlag) {
  const std::string fits(64 << 10, 'p');
  const std::string large = fits + "p";
  const std::string too_large((1 << 20) + 1, 'p');
  Make("Schedule", "fits", "delay { seconds: 3600 } payload: '" + fits + "'");
  Make("WithTimeout", "task", "timeout { seconds: 3600 }");
  const std::string limit = "--max-payload-bytes=65536";
  const std::string full = "LIMIT_EXCEEDED";
  Check({
      {"Schedule",
       "id: 'a' delay {} payload: '" + large + "'",
       kExhausted,
       full,
       {"timer \"a\"", "65537 bytes", limit, "raise the flag"}},
      {"StartLoop", "interval {} payload: '" + large + "'", kExhausted, full, {limit}},
      {"WithTimeout",
       "timeout {} fallback { result: RESULT_FAILURE payload: '" + large + "' }",
       kExhausted,
       full,
       {"fallback.payload", limit}},
      {"Report",
       "id: 'task' run: 1 outcome { result: RESULT_SUCCESS payload: '" + large + "' }",
       kExhausted,
       full,
       {"outcome.payload", limit}},
      {"Schedule",
       "delay {} payload: '" + too_large + "'",
       kExhausted,
       full,
       {"--max-request-bytes=1048576"}},
      {"Cancel", "id: '" + too_large + "'", kExhausted, full, {"request of"}},
      {"List", "id_prefix: '" + too_large + "'", kExhausted, full, {"request of"}},
  });
  // Far above, gRPC itself refuses it before the server sees it.
  EXPECT_EQ(client()
                .Try("Schedule", "delay {} payload: '" + std::string(5 << 20, 'p') + "'")
                .error_code(),
            kExhausted);
}

TEST_F(RefusalTest, SaysWhatStandsInTheWayOfACall) {
  Make("Schedule", "plain", "delay {}");
  Make("Schedule", "waiting", "delay { seconds: 3600 } reported: true");
  Make("Schedule", "reported", "delay {} reported: true");
  Make("Schedule", "gone", "delay { seconds: 3600 }");
  Make("StartLoop", "loop", "interval { seconds: 3600 } start_now: true");
  Make("StartLoop", "stopped", "interval { seconds: 3600 }");
  for (const std::string id : {"plain", "reported"}) {
    auto watch = client().Watch("id: '" + id + "'");
    watch.Acknowledged();
    ASSERT_EQ(watch.Event().type(), v1::Event::TYPE_FIRED);
  }
  const std::string success = " outcome { result: RESULT_SUCCESS }";
  const std::string failure = " outcome { result: RESULT_FAILURE }";
  ASSERT_THAT(client().Cancel("id: 'gone'").status, IsOkCall());
  ASSERT_THAT(client().StopLoop("id: 'stopped'").status, IsOkCall());
  Check({
      {"Report", "id: 'plain' run: 1" + success, kInvalid, "WRONG_KIND", {"reported=true"}},
      {"Report", "id: 'waiting' run: 1" + success, kPrecondition, "NOT_FIRED", {"run 1"}},
      {"Report", "id: 'reported' run: 2" + success, kPrecondition, "NOT_FIRED", {"run 2"}},
      {"Report", "id: 'reported'" + success, kInvalid, "INVALID_FIELD", {"run is not set"}},
      {"Report", "id: 'reported' run: 1", kInvalid, "INVALID_FIELD", {"outcome is not set"}},
      {"Report", "id: 'reported' run: 1 outcome {}", kInvalid, "INVALID_FIELD", {"result 0"}},
      {"Report",
       "id: 'reported' run: 1 outcome { result: 7 }",
       kInvalid,
       "INVALID_FIELD",
       {"result 7"}},
      {"Cancel", "id: 'plain'", kPrecondition, "ALREADY_CALLED", {"timer \"plain\"", "FIRED"}},
      {"Cancel", "id: 'gone'", kPrecondition, "ALREADY_CANCELLED", {"cancelled already"}},
      {"Reschedule", "id: 'plain' from_now {}", kPrecondition, "ALREADY_CALLED", {"FIRED"}},
      {"Reschedule", "id: 'gone' from_now {}", kPrecondition, "ALREADY_CANCELLED", {}},
      {"Reschedule", "id: 'reported' from_now {}", kPrecondition, "ALREADY_CALLED", {"running"}},
      {"Reschedule", "id: 'loop' from_now {}", kInvalid, "WRONG_KIND", {"loop"}},
      {"StopLoop", "id: 'plain'", kInvalid, "WRONG_KIND", {"Cancel"}},
      {"StopLoop", "id: 'stopped'", kPrecondition, "NOT_RUNNING", {"STOPPED"}},
      {"Schedule", "id: 'loop' delay {}", kExists, "ID_IN_USE", {"another kind", "another id"}},
      {"Schedule",
       "id: 'waiting' delay { seconds: 3600 }",
       kExists,
       "ID_IN_USE",
       {"another reported"}},
      {"Schedule",
       "id: 'plain' delay { nanos: 1 }",
       kExists,
       "ID_IN_USE",
       {"another delay", "retained"}},
      {"StartLoop",
       "id: 'loop' interval { seconds: 1 } start_now: true",
       kExists,
       "ID_IN_USE",
       {"another interval"}},
  });
  EXPECT_EQ(DetailOf(client().Cancel("id: 'plain'").status, "end"), "FIRED");

  ASSERT_THAT(client().StopLoop("id: 'loop'").status, IsOkCall());
  Check({{"StopLoop", "id: 'loop'", kPrecondition, "NOT_RUNNING", {"stopping already"}}});

  ASSERT_TRUE(client().Report("id: 'reported' run: 1" + success)->accepted());
  const auto repeated = client().Report("id: 'reported' run: 1" + success);
  EXPECT_THAT(repeated.status, IsOkCall());
  EXPECT_FALSE(repeated->accepted());
  EXPECT_EQ(repeated->end(), v1::END_COMPLETED);
  Check({{"Report",
          "id: 'reported' run: 1" + failure,
          kPrecondition,
          "ALREADY_REPORTED",
          {"run 1", "success", "first report counts"}},
         {"Cancel", "id: 'reported'", kPrecondition, "ALREADY_CALLED", {"COMPLETED"}}});
}

TEST_F(RefusalTest, NamesBadPagesAndFilters) {
  for (int i = 0; i < 4; ++i) {
    Make("Schedule", "t" + std::to_string(i), "delay { seconds: 3600 }");
  }
  const std::string token = client().List("page_size: 2")->next_page_token();
  ASSERT_NE(token, "");
  ASSERT_THAT(client().List("page_token: '" + token + "'").status, IsOkCall());
  const std::string bad = "INVALID_FIELD";
  Check({
      {"List", "page_token: 'garbage'", kInvalid, bad, {"garbage", "next_page_token"}},
      {"List", "page_token: '!'", kInvalid, bad, {}},
      {"List", "page_token: '" + std::string(100'000, 'A') + "'", kInvalid, bad, {}},
      {"List", "page_token: '" + token + "' state: STATE_PENDING", kInvalid, bad, {"same filters"}},
      {"List", "page_token: '" + token + "' id_prefix: 't'", kInvalid, bad, {}},
      {"List", "page_size: -1", kInvalid, bad, {"page_size -1", "0 for 100"}},
      {"List", "state: 99", kInvalid, bad, {"state 99"}},
      {"List", "kind: -1", kInvalid, bad, {"kind -1"}},
      {"List", "id_prefix: '\\001'", kInvalid, bad, {"control"}},
  });
}

// proto3 strings are UTF-8, which generated C++ clients only log; other languages refuse to send.
TEST_F(RefusalTest, RefusesBytesThatAreNoUtf8) {
  v1::ScheduleRequest request;
  request.set_id("\xff\xfe");
  request.mutable_delay();
  EXPECT_FALSE(client().Schedule(request).Finish().ok());
}

TEST(LongIdTest, FitsWithItsRefusalIntoTheTrailers) {
  ServerProcess server({.flags = {"--max-id-bytes=4096"}});
  ApiClient client(server.address());
  // Percent-encoding makes three bytes of each of these.
  std::string id;
  for (int i = 0; i < 2048; ++i) {
    id += "\xc3\xa9";
  }
  EXPECT_THAT(client.Try("Get", "id: '" + id + "'"), IsRefusedWith(kNotFound, "UNKNOWN_ID"));
}

}  // namespace
}  // namespace timerd::testing
