// Limits, at the bound and one past it.
#include <vector>

#include "tests/integration/server_test.h"
#include "tests/support/http_get.h"

namespace timerd::testing {
namespace {

using ::testing::HasSubstr;

constexpr auto kExhausted = grpc::StatusCode::RESOURCE_EXHAUSTED;

class LimitsTest : public ServerTest {};

TEST_F(LimitsTest, RefuseTheStreamPastTheLastAndTakeItWhenOneHasGone) {
  StartServer({"--max-streams=2"});
  auto first = client().Schedule("id: 'a' delay { seconds: 3600 }");
  auto second = client().Schedule("id: 'b' delay { seconds: 3600 }");
  ASSERT_EQ(first.Acknowledged().id(), "a");
  ASSERT_EQ(second.Acknowledged().id(), "b");
  const grpc::Status refused = client().Try("Watch", "id: 'a'");
  EXPECT_THAT(refused, IsRefusedWith(kExhausted, "LIMIT_EXCEEDED"));
  EXPECT_THAT(refused.error_message(), HasSubstr("--max-streams"));
  EXPECT_EQ(DetailOf(refused, "limit"), "max-streams");
  EXPECT_EQ(RetryDelayOf(refused), std::chrono::seconds(1));
  EXPECT_THAT(client().Get("id: 'a'").status, IsOkCall());  // no stream
  second.Detach();
  // The client knows of the end before the server does.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool admitted = false;
  while (!admitted && std::chrono::steady_clock::now() < until) {
    auto third = client().Watch("id: 'b'");
    admitted = third.Next().has_value();
  }
  EXPECT_TRUE(admitted);
}

TEST_F(LimitsTest, RefuseTheTimeOutPastTheLast) {
  StartServer({"--max-timeouts=3"});
  ASSERT_THAT(client().Try("Schedule", "id: 'a' delay { seconds: 3600 } detached: true"),
              IsOkCall());
  const std::string request = "target_id: 'a' timeout { seconds: 60 } detached: true";
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(client().Try("WithTimeout", request), IsOkCall());
  }
  const grpc::Status refused = client().Try("WithTimeout", request);
  EXPECT_THAT(refused, IsRefusedWith(kExhausted, "LIMIT_EXCEEDED"));
  EXPECT_EQ(DetailOf(refused, "limit"), "max-timeouts");
  EXPECT_EQ(RetryDelayOf(refused), std::nullopt) << "waiting is of no use";
  EXPECT_EQ(Get("a").timeouts_size(), 3);
}

TEST_F(LimitsTest, TakePayloadsAndIdsUpToTheirFlags) {
  StartServer({"--max-payload-bytes=10", "--max-id-bytes=3", "--max-delay=10s"});
  EXPECT_THAT(client().Try("Schedule", "id: 'abc' delay {} payload: '0123456789'"), IsOkCall());
  EXPECT_EQ(Get("abc").payload(), "0123456789");
  EXPECT_THAT(client().Try("Schedule", "id: 'abd' delay {} payload: '0123456789x'"),
              IsRefusedWith(kExhausted, "LIMIT_EXCEEDED"));
  EXPECT_THAT(client().Try("Schedule", "id: 'abcd' delay {}"),
              IsRefusedWith(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD"));
  EXPECT_THAT(client().Try("Schedule", "id: 'far' delay { seconds: 10 } detached: true"),
              IsOkCall());
  EXPECT_THAT(client().Try("Schedule", "delay { seconds: 10 nanos: 1 }"),
              IsRefusedWith(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD"));
}

// The reader of one stream never reads; the loop that it follows goes on through another stream,
// with payloads that fill the windows of HTTP/2.
TEST_F(LimitsTest, CutOffASlowReaderAndSlowNobodyElse) {
  StartServer({"--shards=1", "--max-stream-buffer=8", "--durability=os"});
  ApiClient slow_client(server().address(), std::chrono::seconds(60));
  const std::string payload(60'000, 'p');
  auto slow =
      slow_client.StartLoop("id: 'loop' interval {} start_now: true payload: '" + payload + "'");
  ASSERT_EQ(slow.Acknowledged().id(), "loop");
  auto quick = client().Watch("id: 'loop'");
  quick.Acknowledged();
  const int kRuns = 400;  // 24 MB, more than the windows and buffers on the way hold
  for (int run = 1; run <= kRuns; ++run) {
    ASSERT_EQ(quick.Event().run(), run);
    ASSERT_THAT(
        client()
            .Report("id: 'loop' outcome { result: RESULT_SUCCESS } run: " + std::to_string(run))
            .status,
        IsOkCall());
  }
  // A bystander on the same shard is on time.
  auto bystander = client().Schedule("delay { nanos: 20000000 }");
  bystander.Acknowledged();
  const v1::Event fired = bystander.Event();
  EXPECT_LT(Nanos(fired.time()) - Nanos(fired.deadline()), 500'000'000);

  uint64_t last_run = 0;
  while (const auto next = slow.Next()) {
    EXPECT_EQ(next->event().run(), last_run + 1) << "a gap before the cut";
    last_run = next->event().run();
  }
  EXPECT_LT(last_run, kRuns);
  const grpc::Status cut = slow.Finish();
  EXPECT_THAT(cut, IsRefusedWith(kExhausted, "SLOW_READER"));
  EXPECT_THAT(cut.error_message(), HasSubstr("Watch again"));
  EXPECT_THAT(HttpGet(server().http_address(), "/metrics").body,
              HasSubstr("timerd_refused_total{limit=\"max-stream-buffer\"} 1\n"));
  auto again = slow_client.Watch("id: 'loop' after_sequence: " + std::to_string(last_run));
  EXPECT_EQ(again.Acknowledged().id(), "loop");
  EXPECT_GE(again.Event().run(), kRuns);
}

}  // namespace
}  // namespace timerd::testing
