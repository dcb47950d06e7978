// Namespaces of a real server: ids apart, limits apart, counted over restarts.
#include "absl/strings/str_cat.h"
#include "tests/integration/server_test.h"

namespace timerd::testing {
namespace {

using ::testing::HasSubstr;

class NamespacesTest : public ServerTest {
 protected:
  grpc::Status Make(const std::string& name, const std::string& id) {
    return client()
        .Schedule(absl::StrCat("namespace: '", name, "' id: '", id,
                               "' delay { seconds: 3600 } detached: true"))
        .Finish();
  }
  grpc::Status Cancel(const std::string& name, const std::string& id) {
    return client().Cancel(absl::StrCat("namespace: '", name, "' id: '", id, "'")).status;
  }
};

TEST_F(NamespacesTest, KeepTheSameIdApart) {
  StartServer();
  ASSERT_THAT(Make("a", "x"), IsOkCall());
  ASSERT_THAT(Make("b", "x"), IsOkCall());
  ASSERT_THAT(Cancel("a", "x"), IsOkCall());
  EXPECT_EQ(client().Get("namespace: 'b' id: 'x'")->handle().state(), v1::STATE_PENDING);
  EXPECT_THAT(client().Get("id: 'x'").status,
              IsRefusedWith(grpc::StatusCode::NOT_FOUND, "UNKNOWN_ID"));
  // An id may look like a key of another namespace.
  ASSERT_THAT(Make("b", "a/x"), IsOkCall());
  EXPECT_EQ(client().List("namespace: 'b'")->handles_size(), 2);
  EXPECT_EQ(client().List("namespace: 'a'")->handles_size(), 1);
}

TEST_F(NamespacesTest, HaveTheirHandlesLimitedEachByItself) {
  StartServer({"--shards=2", "--max-handles=3"});
  for (const char* id : {"1", "2", "3"}) {
    ASSERT_THAT(Make("a", id), IsOkCall());
  }
  const grpc::Status full = Make("a", "4");
  EXPECT_THAT(full, IsRefusedWith(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
  EXPECT_EQ(DetailOf(full, "limit"), "max-handles");
  EXPECT_EQ(RetryDelayOf(full), std::chrono::seconds(1));
  EXPECT_THAT(full.error_message(), HasSubstr("namespace \"a\" has 3 handles"));
  EXPECT_THAT(Make("b", "4"), IsOkCall()) << "a full namespace stands in the way of another";
  EXPECT_THAT(Make("a", "1"), IsOkCall()) << "the same request again makes nothing";
  ASSERT_THAT(Cancel("a", "2"), IsOkCall());
  EXPECT_THAT(Make("a", "4"), IsOkCall());

  // What lives is counted over a kill.
  server().Kill();
  Restart();
  EXPECT_THAT(Make("a", "5"),
              IsRefusedWith(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
  ASSERT_THAT(Cancel("a", "1"), IsOkCall());
  EXPECT_THAT(Make("a", "5"), IsOkCall());
}

TEST_F(NamespacesTest, AreLimitedInNumber) {
  StartServer({"--shards=2", "--max-namespaces=3"});  // "default" is one
  ASSERT_THAT(Make("a", "x"), IsOkCall());
  ASSERT_THAT(Make("b", "x"), IsOkCall());
  const grpc::Status full = Make("c", "x");
  EXPECT_THAT(full, IsRefusedWith(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
  EXPECT_EQ(DetailOf(full, "limit"), "max-namespaces");
  EXPECT_EQ(RetryDelayOf(full), std::nullopt) << "namespaces are never forgotten";
  EXPECT_THAT(Make("a", "y"), IsOkCall());
}

}  // namespace
}  // namespace timerd::testing
