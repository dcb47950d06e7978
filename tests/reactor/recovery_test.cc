// What happens between opening a store and running the shard.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

using ::timerd::testing::HasStatus;

class RecoveryTest : public ShardTest {};

TEST_F(RecoveryTest, AppliesTheFramesThatTheStateHasNotSeen) {
  Start();
  CreateTimer("a", 100);
  Commit();
  CreateTimer("b", 100);
  Cancel("a");
  Commit(/*apply=*/false);
  Start(5);  // the second frame is in the log only
  Settle();
  const auto a = Get("a");
  const auto b = Get("b");
  Settle();
  EXPECT_EQ((**a)->handle.phase, timer::Phase::kEnded);
  EXPECT_EQ((**b)->handle.due->at, At(100));
}

TEST_F(RecoveryTest, LosesWhatNeverReachedTheLogAndNothingElse) {
  Start();
  CreateTimer("kept", 100);
  Commit();
  const auto lost = CreateTimer("lost", 100);
  ASSERT_TRUE(shard_->TakeFrame() != nullptr);  // and dies before it is appended
  Start(5);
  EXPECT_FALSE(lost->has_value());
  Settle();
  const auto kept = Get("kept");
  const auto gone = Get("lost");
  Settle();
  EXPECT_THAT(**kept, IsOk());
  EXPECT_THAT(**gone, IsRefused(Reason::kUnknownId));
}

TEST_F(RecoveryTest, BuildsAnEmptyStateFromTheWholeLog) {
  Start();
  for (int i = 0; i < 5; ++i) {
    CreateTimer(absl::StrCat("t", i), 100);
    Commit();
  }
  store::MemoryKv other;
  auto state = store::KvStateStore::Open(other, options_.index);
  ASSERT_THAT(state, IsOk());
  const auto recovered = Recover(*log_, **state);
  ASSERT_THAT(recovered, IsOk());
  EXPECT_EQ(recovered->position.sequence(), 5u);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE((*state)->Get(Key(absl::StrCat("t", i)))->has_value());
  }
}

TEST_F(RecoveryTest, RefusesALogThatBeginsAfterTheState) {
  Start();
  for (int i = 0; i < 3; ++i) {
    CreateTimer(absl::StrCat("t", i), 100);
    Commit();
  }
  ASSERT_THAT(log_->Trim(1), IsOk());
  store::MemoryKv other;
  auto state = store::KvStateStore::Open(other, options_.index);
  ASSERT_THAT(state, IsOk());
  EXPECT_THAT(Recover(*log_, **state), HasStatus(absl::StatusCode::kDataLoss, "shard 0"));
}

TEST_F(RecoveryTest, GoesOnGivingPlacesWhereTheLastFrameStopped) {
  Start();
  CreateTimer("first", 100);
  Settle();
  Start(50);
  Settle();
  CreateTimer("second", 50);
  Settle();
  TakeOutputs();
  SettleAt(100);
  EXPECT_THAT(TakeOutputs(), ElementsAre("first FIRED 1", "second FIRED 1"));
}

}  // namespace
}  // namespace timerd::reactor
