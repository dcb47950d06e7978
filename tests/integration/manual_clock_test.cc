// --clock=manual in a real server. What time does to timers is in tests/conformance; this is what
// the process around it does.
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/integration/server_test.h"

namespace timerd::testing {
namespace {

using ::testing::HasSubstr;
using v1::Event;

class ManualClockTest : public ServerTest {
 protected:
  void StartManual(std::vector<std::string> flags = {}) {
    flags.push_back("--clock=manual");
    StartServer(std::move(flags));
  }
  int64_t Now() { return Nanos(client().Now("")->now()); }
};

TEST_F(ManualClockTest, BeginsAtTheSameMomentInEveryNamespace) {
  StartManual();
  const auto one = client().Now("namespace: 'one'");
  const auto two = client().Now("namespace: 'two'");
  EXPECT_TRUE(one->is_virtual());
  EXPECT_EQ(Nanos(one->now()), 946'684'800'000'000'000);
  EXPECT_EQ(Nanos(one->now()), Nanos(two->now()));
}

TEST_F(ManualClockTest, IsRefusedUnderTheRealClock) {
  StartServer();
  EXPECT_FALSE(client().Now("")->is_virtual());
  for (const char* method : {"Advance", "AdvanceToNext"}) {
    const grpc::Status status =
        client().Try(method, std::string(method) == "Advance" ? "by { seconds: 1 }" : "");
    EXPECT_THAT(status, IsRefusedWith(grpc::StatusCode::FAILED_PRECONDITION, "NOT_VIRTUAL"));
    EXPECT_THAT(status.error_message(), HasSubstr("--clock=manual"));
  }
}

TEST_F(ManualClockTest, KeepsItsTimeAndItsTimersOverAKill) {
  StartManual({"--durability=os"});
  ASSERT_THAT(client().Schedule("id: 'a' delay { seconds: 60 } detached: true").Finish(),
              IsOkCall());
  ASSERT_THAT(client().Advance("by { seconds: 45 }").status, IsOkCall());
  const int64_t before = Now();
  server().Kill();
  Restart();
  EXPECT_EQ(Now(), before) << "real time has gone into virtual time";
  auto stream = client().Watch("id: 'a'");
  stream.Acknowledged();
  const auto advanced = client().Advance("by { seconds: 15 }");
  EXPECT_EQ(advanced->fired(), 1u);
  const Event fired = stream.Event();
  EXPECT_EQ(fired.type(), Event::TYPE_FIRED);
  EXPECT_EQ(Nanos(fired.time()), before + 15'000'000'000);
}

TEST_F(ManualClockTest, IsFixedForTheLifeOfADataDirectory) {
  StartManual({"--durability=os"});
  ASSERT_THAT(client().Advance("by { seconds: 1 }").status, IsOkCall());
  EXPECT_EQ(server().Terminate(), 0);
  const FinishedRun run = RunServer(
      {"--listen=127.0.0.1:0", "--http=off", absl::StrCat("--data-dir=", server().data_dir())});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("was made with --clock=manual and --clock=real was asked for"));
}

TEST_F(ManualClockTest, HandsOverInOneAdvanceWhatWouldTakeADay) {
  StartManual({"--durability=none"});
  auto stream = client().StartLoop("id: 'l' interval { seconds: 60 } plain: true");
  stream.Acknowledged();
  const auto advanced = client().Advance("by { seconds: 86400 }");
  ASSERT_THAT(advanced.status, IsOkCall());
  EXPECT_EQ(advanced->fired(), 1440u);
  for (uint64_t run = 1; run <= 1440; ++run) {
    ASSERT_EQ(stream.Event().run(), run);
  }
}

TEST_F(ManualClockTest, StopsAnAdvanceThatFiresMoreThanItMay) {
  StartManual({"--durability=none", "--max-advance-firings=100"});
  ASSERT_THAT(client().StartLoop("interval { seconds: 1 } plain: true detached: true").Finish(),
              IsOkCall());
  const int64_t begin = Now();
  EXPECT_EQ(client().Advance("by { seconds: 99 }")->fired(), 99u);
  const auto stopped = client().Advance("by { seconds: 1000 }");
  EXPECT_THAT(stopped.status,
              IsRefusedWith(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
  EXPECT_EQ(DetailOf(stopped.status, "limit"), "max-advance-firings");
  EXPECT_EQ(Now() - begin, 199'000'000'000) << "it does not stand where it stopped";
}

TEST_F(ManualClockTest, IsLimitedToAsManyNamespacesAsTheFlagSays) {
  StartManual({"--durability=none", "--max-namespaces=3"});  // "default" is one
  ASSERT_THAT(client().Now("namespace: 'a'").status, IsOkCall());
  ASSERT_THAT(client().Now("namespace: 'b'").status, IsOkCall());
  const grpc::Status full = client().Now("namespace: 'c'").status;
  EXPECT_THAT(full, IsRefusedWith(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
  EXPECT_EQ(DetailOf(full, "limit"), "max-namespaces");
}

// A test suite that shares one server: each test has its namespace, and none disturbs another.
TEST_F(ManualClockTest, ServesManyNamespacesAtOnce) {
  StartManual({"--durability=none"});
  constexpr int kTests = 8;
  std::vector<std::thread> tests;
  std::vector<int64_t> drift(kTests, -1);
  for (int i = 0; i < kTests; ++i) {
    tests.emplace_back([this, i, &drift] {
      ApiClient own(server().address());
      const std::string name = absl::StrCat("namespace: 'test-", i, "' ");
      auto stream = own.StartLoop(name + "id: 'l' interval { seconds: 1 } plain: true");
      const int64_t begin = Nanos(stream.Acknowledged().now());
      int64_t off = 0;
      for (int64_t tick = 1; tick <= 50; ++tick) {
        own.Advance(name + "by { seconds: 1 }");
        off += std::abs(Nanos(stream.Event().time()) - begin - tick * 1'000'000'000);
      }
      drift[static_cast<size_t>(i)] = off;
    });
  }
  for (std::thread& test : tests) {
    test.join();
  }
  EXPECT_THAT(drift, ::testing::Each(0));
}

}  // namespace
}  // namespace timerd::testing
