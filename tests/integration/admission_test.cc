// Limits on how many handles are made in a second and how many may be due later: over all shards,
// over restarts, and with word of when to try again.
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/integration/server_test.h"
#include "tests/support/http_get.h"

namespace timerd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Optional;

constexpr auto kExhausted = grpc::StatusCode::RESOURCE_EXHAUSTED;

class AdmissionTest : public ServerTest {
 protected:
  // Makes a timer that is not due before the test is over.
  grpc::Status Make(const std::string& more) {
    return client()
        .Schedule(absl::StrCat("detached: true delay { seconds: 3600 } ", more))
        .Finish();
  }
  grpc::Status MakeQueued(const std::string& id, const std::string& more = "") {
    return Make(absl::StrCat("id: '", id, "' queue: 'mail' ", more));
  }
  v1::Queue Queue() {
    const auto got = client().GetQueue("queue: 'mail'");
    EXPECT_THAT(got.status, IsOkCall());
    return got->queue();
  }
  bool Shows(const std::string& sample) {
    return HttpGet(server().http_address(), "/metrics").body.find("\n" + sample + "\n") !=
           std::string::npos;
  }
  // Makes `count` timers at once, as `item` says. Checks that as many were made as the rate allows
  // in the time that it took, and what the others were told; returns how many those were.
  int MakeAtOnce(int count, const std::string& item, int rate, const std::string& limit) {
    v1::BatchRequest request;
    for (int i = 0; i < count; ++i) {
      *request.add_items()->mutable_schedule() =
          Parse<v1::ScheduleRequest>("delay { seconds: 3600 } " + item);
    }
    const auto begun = std::chrono::steady_clock::now();
    const auto answer = client().Batch(request);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    EXPECT_THAT(answer.status, IsOkCall());
    EXPECT_EQ(answer->results_size(), count);
    int made = 0;
    for (const v1::BatchResult& result : answer->results()) {
      made += result.has_acknowledged() ? 1 : 0;
      if (result.has_error()) {
        EXPECT_EQ(result.error().code(), kExhausted);
        EXPECT_EQ(ReasonOf(result.error()), "LIMIT_EXCEEDED");
        EXPECT_THAT(result.error().message(), HasSubstr("--" + limit));
        // Of two shards that carry this out side by side, one may have read the clock before the
        // other did: by no more than all of it took.
        EXPECT_THAT(RetryDelayOf(result.error()),
                    Optional(::testing::AllOf(
                        ::testing::Gt(nanoseconds(0)),
                        ::testing::Le(nanoseconds(seconds(1)) / rate +
                                      std::chrono::duration_cast<nanoseconds>(took)))));
      }
    }
    EXPECT_GE(made, rate - 1) << "the last one may be lost to a shard that read it earlier";
    EXPECT_LE(made, rate + 1 + static_cast<int>(rate * took.count()));
    EXPECT_TRUE(Shows(absl::StrCat("timerd_refused_total{limit=\"", limit, "\"} ", count - made)));
    return count - made;
  }
};

TEST_F(AdmissionTest, LimitsHowManyHandlesANamespaceMakesInASecondOverAllShards) {
  StartServer({"--shards=4", "--max-rate-per-namespace=20"});
  EXPECT_TRUE(Shows("timerd_namespace_rate_limit 20"));
  EXPECT_GT(MakeAtOnce(200, "", 20, "max-rate-per-namespace"), 0);
  EXPECT_THAT(Make("namespace: 'other'"), IsOkCall());
}

TEST_F(AdmissionTest, TakesANewHandleWhenItSaidThatItWould) {
  StartServer({"--shards=2", "--max-rate-per-namespace=2"});
  ASSERT_THAT(Make("id: 'a'"), IsOkCall());
  grpc::Status refused;
  for (int i = 0; refused.ok() && i < 100; ++i) {
    refused = Make("");
  }
  ASSERT_THAT(refused, IsRefusedWith(kExhausted, "LIMIT_EXCEEDED"));
  EXPECT_EQ(DetailOf(refused, "limit"), "max-rate-per-namespace");
  EXPECT_THAT(Make("id: 'a'"), IsOkCall()) << "the same request again makes nothing";
  EXPECT_THAT(client().Try("WithTimeout", "target_id: 'a' timeout { seconds: 60 } detached: true"),
              IsOkCall())
      << "it makes no handle";
  const auto delay = RetryDelayOf(refused);
  ASSERT_TRUE(delay);
  EXPECT_LE(*delay, milliseconds(500));
  std::this_thread::sleep_for(*delay);
  EXPECT_THAT(Make("id: 'b'"), IsOkCall());
}

TEST_F(AdmissionTest, CountsEachKindOfHandleAgainstTheRate) {
  StartServer({"--shards=2", "--max-rate-per-namespace=1"});
  const std::pair<std::string, std::string> requests[] = {
      {"Schedule", "delay { seconds: 60 } detached: true"},
      {"StartLoop", "interval { seconds: 60 } detached: true"},
      {"WithTimeout", "timeout { seconds: 60 } detached: true"}};
  for (const auto& [method, request] : requests) {
    grpc::Status status;
    for (int i = 0; status.ok() && i < 100; ++i) {
      status = client().Try(method, request);
    }
    EXPECT_EQ(DetailOf(status, "limit"), "max-rate-per-namespace") << method;
  }
}

TEST_F(AdmissionTest, GoesByVirtualTimeWhereTheClockIsManual) {
  StartServer({"--clock=manual", "--max-rate-per-namespace=4"});
  for (int i = 0; i < 4; ++i) {
    ASSERT_THAT(Make(""), IsOkCall());
  }
  EXPECT_EQ(RetryDelayOf(Make("")), milliseconds(250));
  ASSERT_THAT(client().Advance("by { nanos: 249000000 }").status, IsOkCall());
  EXPECT_EQ(RetryDelayOf(Make("")), milliseconds(1));
  ASSERT_THAT(client().Advance("by { nanos: 1000000 }").status, IsOkCall());
  EXPECT_THAT(Make(""), IsOkCall());
  EXPECT_EQ(RetryDelayOf(Make("")), milliseconds(250));
}

TEST_F(AdmissionTest, LimitsHowManyHandlesComeToAQueueInASecondOverAllShards) {
  StartServer({"--shards=4", "--max-rate-per-queue=20"});
  EXPECT_TRUE(Shows("timerd_queue_rate_limit 20"));
  const int refused = MakeAtOnce(200, "queue: 'mail'", 20, "max-rate-per-queue");
  EXPECT_EQ(Queue().scheduled(), static_cast<uint64_t>(200 - refused));
  EXPECT_THAT(Make("queue: 'fax'"), IsOkCall());
  EXPECT_THAT(Make(""), IsOkCall());
}

TEST_F(AdmissionTest, KeepsAQueuesOwnLimitsOverARestart) {
  StartServer({"--shards=2", "--max-pending-per-queue=1", "--max-rate-per-queue=1"});
  ASSERT_THAT(
      client().ConfigureQueue("queue: 'mail' settings { max_pending: 25 max_rate: 10 }").status,
      IsOkCall());
  server().Kill();
  Restart();
  const int refused = MakeAtOnce(15, "queue: 'mail'", 10, "max-rate-per-queue");
  ASSERT_LE(refused, 6);
  for (int made = 15 - refused; made < 25;) {
    const grpc::Status status = MakeQueued(absl::StrCat("t", made));
    if (status.ok()) {
      ++made;
    } else {
      ASSERT_EQ(DetailOf(status, "limit"), "max-rate-per-queue");
      std::this_thread::sleep_for(RetryDelayOf(status).value());
    }
  }
  grpc::Status full;
  while (DetailOf(full, "limit") != "max-pending-per-queue") {
    std::this_thread::sleep_for(RetryDelayOf(full).value_or(nanoseconds(0)));
    full = MakeQueued("one more");
    ASSERT_THAT(full, IsRefusedWith(kExhausted, "LIMIT_EXCEEDED"));
  }
  EXPECT_EQ(Queue().scheduled(), 25u);
}

TEST_F(AdmissionTest, RefusesARateThatCannotBeKept) {
  StartServer();
  ASSERT_THAT(client().ConfigureQueue("queue: 'mail' settings { max_rate: 1000000 }").status,
              IsOkCall());
  const grpc::Status refused =
      client().ConfigureQueue("queue: 'mail' settings { max_rate: 1000001 }").status;
  EXPECT_THAT(refused, IsRefusedWith(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD"));
  EXPECT_EQ(DetailOf(refused, "field"), "settings.max_rate");
  EXPECT_THAT(refused.error_message(), HasSubstr("use 1 to 1000000"));
}

TEST_F(AdmissionTest, LimitsHowManyHandlesOfAQueueAreNotDueYetOverAKill) {
  StartServer({"--shards=2", "--max-pending-per-queue=4"});
  EXPECT_TRUE(Shows("timerd_queue_pending_limit 4"));
  for (const char* id : {"a", "b", "c", "d"}) {
    ASSERT_THAT(MakeQueued(id), IsOkCall());
  }
  const auto expect_full = [this] {
    const grpc::Status full = MakeQueued("e");
    EXPECT_THAT(full, IsRefusedWith(kExhausted, "LIMIT_EXCEEDED"));
    EXPECT_EQ(DetailOf(full, "limit"), "max-pending-per-queue");
    EXPECT_EQ(RetryDelayOf(full), seconds(1));
    EXPECT_THAT(full.error_message(), HasSubstr("queue \"mail\" has 4 handles"));
    EXPECT_EQ(Queue().scheduled(), 4u);
  };
  expect_full();
  EXPECT_TRUE(Shows("timerd_refused_total{limit=\"max-pending-per-queue\"} 1"));
  server().Kill();
  Restart();
  expect_full();
  EXPECT_THAT(MakeQueued("a"), IsOkCall()) << "the same request again makes nothing";
  EXPECT_THAT(MakeQueued("b", "replace: true payload: 'new'"), IsOkCall())
      << "it has the room of the one that it replaces";
  expect_full();
  EXPECT_THAT(Make("queue: 'fax'"), IsOkCall());
  EXPECT_THAT(Make(""), IsOkCall());
  // Once one is due or cancelled there is room.
  ASSERT_THAT(client().Reschedule("id: 'a' from_now {}").status, IsOkCall());
  const auto until = std::chrono::steady_clock::now() + seconds(20);
  while (Queue().depth() == 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  EXPECT_THAT(MakeQueued("e"), IsOkCall());
  ASSERT_THAT(client().Cancel("id: 'c'").status, IsOkCall());
  EXPECT_THAT(MakeQueued("f"), IsOkCall());
  EXPECT_THAT(MakeQueued("g"), IsRefusedWith(kExhausted, "LIMIT_EXCEEDED"));
}

}  // namespace
}  // namespace timerd::testing
