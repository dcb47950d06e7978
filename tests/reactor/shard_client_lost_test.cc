// Runs whose client goes away.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

class ShardClientLostTest : public ShardTest {
 protected:
  // A timer that runs from 1 s on, and may be without a follower for 10 s.
  void MakeRunning() {
    Start();
    Create("a", {.kind = timer::Kind::kTimer,
                 .reported = true,
                 .span = Seconds(1),
                 .client_lost_after = Seconds(10)});
    Commit();
    SettleAt(1);
    TakeOutputs();
  }
  void Unfollow(const std::string& id) {
    followed_.erase(Key(id));
    shard_->Execute(reactor::Unfollow{Key(id)});
    Commit();
  }
};

TEST_F(ShardClientLostTest, FailsARunThatNobodyFollows) {
  MakeRunning();
  SettleAt(10.999);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(11);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FAILED 2"));
  EXPECT_EQ(notices_.back().event.reason, timer::EndReason::kClientLost);
}

TEST_F(ShardClientLostTest, CountsFromTheMomentTheLastFollowerIsGone) {
  MakeRunning();
  followed_.insert(Key("a"));
  SettleAt(100);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SetTime(105);
  Unfollow("a");
  SettleAt(114.999);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(115);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FAILED 2"));
}

TEST_F(ShardClientLostTest, GivesClientsTheirTimeToComeBackAfterARestart) {
  MakeRunning();
  followed_.insert(Key("a"));
  SettleAt(5);
  followed_.clear();
  StartWithBacklog(500);
  Settle();
  TakeOutputs();
  SettleAt(509.999);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(510);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FAILED 2"));
}

TEST_F(ShardClientLostTest, EndsWithTheReport) {
  MakeRunning();
  Report("a", 1);
  Commit();
  TakeOutputs();
  SettleAt(100);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
}

TEST_F(ShardClientLostTest, IsNoDeadlineWhileSomebodyFollows) {
  MakeRunning();
  absl::StatusOr<std::optional<Instant>> next = shard_->NextDeadline();
  ASSERT_THAT(next, IsOk());
  EXPECT_EQ(*next, std::optional(At(11)));
  followed_.insert(Key("a"));
  next = shard_->NextDeadline();
  ASSERT_THAT(next, IsOk());
  EXPECT_EQ(*next, std::nullopt);
}

}  // namespace
}  // namespace timerd::reactor
