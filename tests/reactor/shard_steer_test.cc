// What a loop can be told between its start and its end.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

class ShardSteerTest : public ShardTest {
 protected:
  ShardSteerTest() { Start(); }
};

TEST_F(ShardSteerTest, TellsWhereTheLoopStandsAfterEachAction) {
  CreateLoop("a", 10);
  SettleAt(1);
  const auto paused = Steer("a", PauseLoop{});
  const auto resumed = Steer("a", ResumeLoop{});
  const auto reset = Steer("a", ResetLoop{});
  const auto changed = Steer("a", ChangeInterval{Seconds(3)});
  const auto triggered = Steer("a", TriggerLoop{});
  Settle();
  EXPECT_EQ((**paused)->phase, timer::Phase::kPaused);
  EXPECT_FALSE((**paused)->deadline.has_value());
  EXPECT_EQ((**resumed)->phase, timer::Phase::kPending);
  EXPECT_EQ((**resumed)->deadline, At(10));
  EXPECT_EQ((**reset)->deadline, At(11));
  EXPECT_EQ((**changed)->deadline, At(4));
  EXPECT_EQ((**triggered)->phase, timer::Phase::kRunning);
  EXPECT_EQ((**triggered)->run, 1u);
  EXPECT_FALSE((**triggered)->deadline.has_value());
  EXPECT_EQ((**triggered)->now, At(1));
  EXPECT_TRUE(notices_.back().event.triggered);
}

TEST_F(ShardSteerTest, WritesEachActionDown) {
  CreateLoop("paused", 10);
  CreateLoop("slower", 10);
  CreateLoop("running", 10, /*start_now=*/true);
  Settle();
  Steer("paused", PauseLoop{});
  EXPECT_EQ(TakeFrame(), 1);
  Steer("slower", ChangeInterval{Seconds(30)});
  EXPECT_EQ(TakeFrame(), 1);
  Steer("running", PauseLoop{});  // its run goes on
  EXPECT_EQ(TakeFrame(), 1);
  Commit();
  Start(1);
  TakeOutputs();
  SettleAt(29);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  const auto reported = Report("running", 1);
  SettleAt(30);
  EXPECT_FALSE((**reported)->result.next_deadline.has_value());
  EXPECT_THAT(TakeOutputs(), ElementsAre("report running", "slower TICK 1"));
}

TEST_F(ShardSteerTest, WritesNothingWhereAnActionHasNoEffect) {
  CreateLoop("a", 10, /*start_now=*/true);
  Settle();
  Steer("a", ResetLoop{});
  const auto refused = Steer("a", ResumeLoop{});
  EXPECT_EQ(TakeFrame(), -1);
  Settle();
  EXPECT_THAT(**refused, IsRefused(Reason::kNotPaused));
}

TEST_F(ShardSteerTest, IsForLoopsThatAreThere) {
  CreateTimer("timer", 10);
  const auto kind = Steer("timer", PauseLoop{});
  const auto unknown = Steer("none", TriggerLoop{});
  Settle();
  EXPECT_THAT(**kind, IsRefused(Reason::kWrongKind));
  EXPECT_THAT(**unknown, IsRefused(Reason::kUnknownId));
}

}  // namespace
}  // namespace timerd::reactor
