// Tasks that are kept alive by heartbeats, and clients that go away, with real kills and real
// sockets.
#include "absl/strings/str_cat.h"
#include "tests/integration/server_test.h"

namespace timerd::testing {
namespace {

using v1::Event;

constexpr int64_t kMillis = 1'000'000;

class WatchdogTest : public ServerTest {
 protected:
  void SetUp() override { StartServer({"--shards=1"}); }
  // The deadline of the one time-out of `id`.
  int64_t TimeoutOf(const std::string& id) { return Nanos(Get(id).timeouts(0).deadline()); }
};

// Not every heartbeat is written down: what is runs ahead, so that after a kill the time-out acts
// no earlier than it would have, and at most a quarter of itself later.
TEST_F(WatchdogTest, NeverActsEarlierAfterAKillThanItWouldHave) {
  ASSERT_THAT(client().WithTimeout("id: 'k' timeout { seconds: 40 } detached: true").Finish(),
              IsOkCall());
  int64_t promised = 0;
  for (int i = 0; i < 50; ++i) {
    const auto moved = client().Reschedule("id: 'k' from_now { seconds: 40 }");
    ASSERT_THAT(moved.status, IsOkCall());
    promised = Nanos(moved->deadline());
    EXPECT_EQ(promised - Nanos(moved->now()), 40'000 * kMillis);
  }
  EXPECT_EQ(TimeoutOf("k"), promised);
  server().Kill();
  Restart();
  EXPECT_GE(TimeoutOf("k"), promised);
  EXPECT_LE(TimeoutOf("k"), promised + 10'000 * kMillis);
}

TEST_F(WatchdogTest, IsExactAfterAStopThatWasAskedFor) {
  ASSERT_THAT(client().WithTimeout("id: 'k' timeout { seconds: 40 } detached: true").Finish(),
              IsOkCall());
  int64_t promised = 0;
  for (int i = 0; i < 5; ++i) {
    promised = Nanos(client().Reschedule("id: 'k' from_now { seconds: 40 }")->deadline());
  }
  EXPECT_EQ(server().Terminate(), 0);
  Restart();
  EXPECT_EQ(TimeoutOf("k"), promised);
}

TEST_F(WatchdogTest, FailsARunWhoseClientIsGoneForTooLong) {
  auto run =
      client().Schedule("id: 'a' delay {} reported: true client_lost_after { nanos: 300000000 }");
  run.Acknowledged();
  ASSERT_EQ(run.Event().type(), Event::TYPE_FIRED);
  const int64_t before = Nanos(client().Now("")->now());
  run.Detach();
  // Somebody else may look; looking again and again keeps nobody's run alive.
  v1::Handle handle;
  do {
    handle = Get("a");
  } while (handle.state() == v1::STATE_RUNNING);
  EXPECT_EQ(handle.end(), v1::END_FAILED);
  EXPECT_EQ(handle.end_reason(), "CLIENT_LOST");
  EXPECT_GE(Nanos(handle.ended()) - before, 300 * kMillis);
}

TEST_F(WatchdogTest, KeepsARunAliveAsLongAsAStreamFollowsIt) {
  auto run = client().StartLoop(
      "id: 'l' interval { seconds: 60 } start_now: true client_lost_after { nanos: 100000000 }");
  run.Acknowledged();
  ASSERT_EQ(run.Event().type(), Event::TYPE_TICK);
  // Three times as long as it would wait for a client that is gone.
  auto meanwhile = client().Schedule("delay { nanos: 300000000 }");
  meanwhile.Acknowledged();
  ASSERT_EQ(meanwhile.Event().type(), Event::TYPE_FIRED);
  EXPECT_EQ(Get("l").state(), v1::STATE_RUNNING);
}

}  // namespace
}  // namespace timerd::testing
