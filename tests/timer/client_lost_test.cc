// A run whose report is awaited while nobody follows the handle.
#include "tests/timer/machine_fixture.h"

namespace timerd::timer {
namespace {

class ClientLostTest : public MachineTest {
 protected:
  // A handle of `kind` whose first deadline lies 1 s ahead, and whose runs wait for 10 s.
  Handle Make(Kind kind, double now = 0) {
    return Create("space/c",
                  {.kind = kind,
                   .reported = true,
                   .span = Seconds(kind == Kind::kTask ? 100 : 1),
                   .client_lost_after = Seconds(10)},
                  nullptr, At(now));
  }
  Handle MakeRunning(Kind kind) {
    Handle handle = Make(kind);
    if (kind != Kind::kTask) {
      EXPECT_EQ(Fire(handle, At(1)), Fired::kEvent);
    }
    return handle;
  }
  void ExpectLost(Handle& handle, double seconds) {
    EXPECT_EQ(NextDueOf(handle), seconds);
    ASSERT_EQ(Fire(handle, At(seconds)), Fired::kEvent);
    EXPECT_EQ(event().type, EventType::kFailed);
    EXPECT_EQ(event().reason, EndReason::kClientLost);
    EXPECT_EQ(event().run, 1u);
    EXPECT_EQ(event().payload, "");
    EXPECT_EQ(event().deadline, std::nullopt);
    EXPECT_EQ(handle.phase, Phase::kEnded);
    EXPECT_EQ(NextDueOf(handle), -1);
  }
};

TEST_F(ClientLostTest, EndsARunThatNobodyFollowed) {
  Handle timer = MakeRunning(Kind::kTimer);
  ExpectLost(timer, 11);
  Handle loop = MakeRunning(Kind::kLoop);
  ExpectLost(loop, 11);
  Handle task = MakeRunning(Kind::kTask);
  ExpectLost(task, 10);
}

TEST_F(ClientLostTest, LeavesWhatIsFollowedWaiting) {
  Handle timer = MakeRunning(Kind::kTimer);
  followed_ = true;
  EXPECT_EQ(Fire(timer, At(11)), Fired::kMoved);
  EXPECT_EQ(event_count(), 0u);
  EXPECT_EQ(timer.phase, Phase::kRunning);
  EXPECT_EQ(NextDueOf(timer), 21);  // looks again
}

TEST_F(ClientLostTest, CountsFromTheLastFollowerThatWent) {
  Handle timer = MakeRunning(Kind::kTimer);
  EXPECT_TRUE(Unfollow(timer, At(8)));
  ExpectLost(timer, 18);
}

TEST_F(ClientLostTest, DoesNotBoundTheWaitForADeadline) {
  Handle timer = Make(Kind::kTimer);
  EXPECT_EQ(NextDueOf(timer), 1);
  EXPECT_FALSE(Unfollow(timer, At(0.5)));  // changes nothing
  EXPECT_FALSE(timer.lost.has_value());
}

TEST_F(ClientLostTest, IsOverWithTheReportAndBeginsWithTheNextRun) {
  Handle loop = MakeRunning(Kind::kLoop);
  TIMERD_ASSERT_OK(Report(loop, 1, kSuccess, At(5.5)));
  EXPECT_FALSE(loop.lost.has_value());
  EXPECT_EQ(NextDueOf(loop), 6);
  EXPECT_FALSE(Unfollow(loop, At(5.6)));
  Fire(loop, At(6));
  EXPECT_EQ(NextDueOf(loop), 16);
}

TEST_F(ClientLostTest, HoldsForARunMadeByHandAndForOneThatStops) {
  Handle loop = Make(Kind::kLoop);
  TIMERD_ASSERT_OK(Trigger(loop, At(0.5)));
  TIMERD_ASSERT_OK(Stop(loop, At(3)));
  ExpectLost(loop, 10.5);
}

TEST_F(ClientLostTest, HoldsForARunOfAPausedLoop) {
  Handle loop = MakeRunning(Kind::kLoop);
  TIMERD_ASSERT_OK(Pause(loop, At(2)));
  EXPECT_EQ(NextDueOf(loop), 11);
  TIMERD_ASSERT_OK(Report(loop, 1, kSuccess, At(3)));
  EXPECT_EQ(NextDueOf(loop), -1);
}

TEST_F(ClientLostTest, LosesAgainstATimeOutThatIsEarlier) {
  Handle timer = MakeRunning(Kind::kTimer);
  TIMERD_ASSERT_OK(Bound(timer, Seconds(4), std::nullopt, "", At(2)));
  EXPECT_EQ(NextDueOf(timer), 6);
  Fire(timer, At(6));
  EXPECT_EQ(event().type, EventType::kTimedOut);
  EXPECT_FALSE(timer.lost.has_value());
}

TEST_F(ClientLostTest, LeavesTheReportOfALostClientNotAccepted) {
  Handle timer = MakeRunning(Kind::kTimer);
  ExpectLost(timer, 11);
  const auto late = Report(timer, 1, kSuccess, At(12));
  TIMERD_ASSERT_OK(late);
  EXPECT_FALSE(late->accepted);
  EXPECT_EQ(late->end, EventType::kFailed);
}

TEST_F(ClientLostTest, GivesClientsTimeToComeBackAfterARestart) {
  Handle timer = MakeRunning(Kind::kTimer);
  serving_since_ = ::timerd::testing::At(60);  // down when it was due
  EXPECT_EQ(Fire(timer, At(60)), Fired::kMoved);
  EXPECT_EQ(event_count(), 0u);
  ExpectLost(timer, 70);
}

TEST_F(ClientLostTest, CountsTheTimeServedSinceARestartToo) {
  Handle timer = MakeRunning(Kind::kTimer);
  serving_since_ = ::timerd::testing::At(5);
  EXPECT_EQ(Fire(timer, At(11)), Fired::kMoved);
  ExpectLost(timer, 15);
}

TEST_F(ClientLostTest, IsNoMatterWhereItWasNotAskedFor) {
  Handle timer = MakeTimer(1, true);
  Fire(timer, At(1));
  EXPECT_FALSE(timer.lost.has_value());
  EXPECT_FALSE(Unfollow(timer, At(2)));
  EXPECT_EQ(NextDueOf(timer), -1);
}

TEST_F(ClientLostTest, IsIndexedAsADeadline) {
  const Handle timer = MakeRunning(Kind::kTimer);
  const IndexKeys indexed = AllDue(timer);
  ASSERT_EQ(indexed.size(), 1u);
  EXPECT_EQ(indexed[0].timeline, Timeline::kService);
  EXPECT_EQ(SecondsOf(indexed[0].due.deadline), 11);
}

}  // namespace
}  // namespace timerd::timer
