// Runs whose clients are gone.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

class ShardClientLostTest : public ShardTest {
 protected:
  ShardClientLostTest() {
    options_.window = std::chrono::seconds(60);
    Start();
    Create("a", {.kind = timer::Kind::kTimer,
                 .reported = true,
                 .span = Seconds(5),
                 .client_lost_after = Seconds(10)});
    Settle();
  }
};

TEST_F(ShardClientLostTest, EndsARunThatNobodyFollows) {
  SettleAt(5);
  TakeOutputs();
  SettleAt(14.999);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(15);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FAILED 2"));
  EXPECT_EQ(notices_.back().event.reason, timer::EndReason::kClientLost);
  EXPECT_FALSE(notices_.back().event.deadline.has_value());
}

TEST_F(ShardClientLostTest, CountsFromWhereTheLastFollowerWent) {
  Follow("a");
  SettleAt(5);
  TakeOutputs();
  SettleAt(50);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SetTime(52);
  Unfollow("a");
  Settle();
  SettleAt(61.999);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(62);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FAILED 2"));
}

TEST_F(ShardClientLostTest, LeavesARunAloneWhileOneOfSeveralFollows) {
  Follow("a");
  SettleAt(14);
  shard_->Execute(reactor::Unfollow{Key("a")});  // the other one went
  Settle();
  TakeOutputs();
  SettleAt(1000);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
}

TEST_F(ShardClientLostTest, TakesAReportInTime) {
  SettleAt(14.999);
  Report("a", 1);
  Settle();
  TakeOutputs();
  SettleAt(100);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
}

TEST_F(ShardClientLostTest, GivesClientsTimeToComeBackAfterARestart) {
  SettleAt(5);
  Start(1000);
  TakeOutputs();
  SettleAt(1009.999);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(1010);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FAILED 2"));
}

TEST_F(ShardClientLostTest, WaitsOnForAClientThatCameBackAfterARestart) {
  SettleAt(5);
  Start(1000);
  Follow("a");
  TakeOutputs();
  SettleAt(5000);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  Report("a", 1);
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("report a", "a COMPLETED 2"));
}

TEST_F(ShardClientLostTest, IgnoresAFollowerOfWhatIsNotThere) {
  Unfollow("none");
  Unfollow("a");  // has no run
  EXPECT_EQ(TakeFrame(), -1);
}

}  // namespace
}  // namespace timerd::reactor
