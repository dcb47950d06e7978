#include "client/cli/rpc_error.h"

#include <gtest/gtest.h>

#include "timerd/v1/errors.pb.h"

namespace timerd::cli {
namespace {

grpc::Status WithReason(const std::string& reason, const std::string& url) {
  v1::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("timerd");
  v1::StatusDetails details;
  details.add_details()->set_type_url(url);
  details.mutable_details(0)->set_value(info.SerializeAsString());
  return grpc::Status(grpc::StatusCode::NOT_FOUND, "no handle \"x\"", details.SerializeAsString());
}

constexpr char kUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";

TEST(ExplainTest, NamesTheReasonOfTheStatusDetails) {
  EXPECT_EQ(Explain(WithReason("UNKNOWN_ID", kUrl), {"127.0.0.1:7400", absl::Seconds(10)}),
            "NOT_FOUND (UNKNOWN_ID): no handle \"x\"");
}

TEST(ExplainTest, SaysWhenToTryAgain) {
  const grpc::Status refused = WithReason("LIMIT_EXCEEDED", kUrl);
  v1::StatusDetails details;
  ASSERT_TRUE(details.ParseFromString(refused.error_details()));
  v1::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(300'000'000);
  details.add_details()->set_type_url("type.googleapis.com/google.rpc.RetryInfo");
  details.mutable_details(1)->set_value(retry.SerializeAsString());
  const grpc::Status told(grpc::StatusCode::RESOURCE_EXHAUSTED, "queue \"mail\" is full",
                          details.SerializeAsString());
  EXPECT_EQ(Explain(told, {"127.0.0.1:7400", absl::Seconds(10)}),
            "RESOURCE_EXHAUSTED (LIMIT_EXCEEDED): queue \"mail\" is full (try again in 300 ms)");
}

TEST(ExplainTest, DoesWithoutAReason) {
  const Attempt attempt = {"127.0.0.1:7400", absl::Seconds(10)};
  EXPECT_EQ(Explain(WithReason("UNKNOWN_ID", "type.googleapis.com/other"), attempt),
            "NOT_FOUND: no handle \"x\"");
  EXPECT_EQ(Explain(grpc::Status(grpc::StatusCode::INTERNAL, "oops", "\xFFgarbage"), attempt),
            "INTERNAL: oops");
}

TEST(ExplainTest, SaysHowToReachAServer) {
  const grpc::Status refused(grpc::StatusCode::UNAVAILABLE,
                             "failed to connect to all addresses; last error: UNKNOWN: "
                             "ipv4:127.0.0.1:7400: Failed to connect to remote host: Connection "
                             "refused");
  EXPECT_EQ(Explain(refused, {"127.0.0.1:7400", absl::Seconds(10)}),
            "UNAVAILABLE: no server answers at 127.0.0.1:7400 (Connection refused)\n"
            "  Start one with `timerd --listen=127.0.0.1:7400`, or point elsewhere with "
            "--server=HOST:PORT or TIMERD_SERVER.");
  EXPECT_EQ(Explain(refused, {"timers.example:7400", absl::Seconds(10)}),
            "UNAVAILABLE: no server answers at timers.example:7400 (Connection refused)\n"
            "  Start timerd on that host, or point elsewhere with --server=HOST:PORT or "
            "TIMERD_SERVER.");
}

TEST(ExplainTest, TellsALostConnectionFromNoServer) {
  EXPECT_EQ(Explain(grpc::Status(grpc::StatusCode::UNAVAILABLE, "Socket closed"),
                    {"127.0.0.1:7400", absl::Seconds(10), true}),
            "UNAVAILABLE: lost the connection to 127.0.0.1:7400 (Socket closed)");
}

TEST(ExplainTest, SaysHowLongItWaited) {
  EXPECT_EQ(Explain(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded"),
                    {"127.0.0.1:7400", absl::Seconds(10)}),
            "DEADLINE_EXCEEDED: 127.0.0.1:7400 gave no answer within 10 s; it may have acted all "
            "the same. Give it longer with --timeout=1m");
}

}  // namespace
}  // namespace timerd::cli
