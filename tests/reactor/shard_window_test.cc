// What is resident, and that it makes no difference.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

class ShardWindowTest : public ShardTest {
 protected:
  ShardWindowTest() { options_.window = std::chrono::seconds(60); }
};

TEST_F(ShardWindowTest, KeepsWhatIsDueBeyondItOnDiskAndFiresItInTime) {
  Start();
  CreateTimer("near", 10);
  CreateTimer("far", 3600);
  EXPECT_EQ(shard_->residents(), 2u);  // until it is stored
  Settle();
  EXPECT_EQ(shard_->residents(), 1u);
  SettleAt(3500);
  EXPECT_EQ(shard_->residents(), 0u);
  TakeOutputs();
  SettleAt(3599.999);
  EXPECT_EQ(shard_->residents(), 1u);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(3600);
  EXPECT_THAT(TakeOutputs(), ElementsAre("far FIRED 1"));
}

TEST_F(ShardWindowTest, WakesUpInTimeForWhatIsOnDisk) {
  Start();
  CreateTimer("far", 3600.0005);
  Settle();
  TakeOutputs();
  Instant now = At(0);
  int wakes = 0;
  for (; now < At(3600.001) && wakes < 1000; ++wakes) {
    ASSERT_GT(shard_->NextWake(), now) << "spins";
    now = std::min(shard_->NextWake(), At(3600.001));
    EXPECT_THAT(TakeOutputs(), IsEmpty());
    SettleAt(static_cast<double>((now - kStart).count()) / 1e9);
  }
  EXPECT_THAT(TakeOutputs(), ElementsAre("far FIRED 1"));
  EXPECT_LT(wakes, 200);  // about every half window
}

// A task whose heartbeats are not written down stays in memory however late it is due. When that
// was all that memory had room for, what is on disk was looked at only when the task was due.
TEST_F(ShardWindowTest, WakesUpForWhatIsOnDiskAlthoughMemoryIsFull) {
  options_.max_residents = 1;
  Start();
  CreateTimer("far", 100);
  Settle();
  CreateTask("alive", 1000);
  Settle();
  MoveFromNow("alive", 2000);
  Settle();
  ASSERT_EQ(shard_->residents(), 1u);
  EXPECT_LE(shard_->NextWake(), At(100));
}

TEST_F(ShardWindowTest, FiresEqualDeadlinesInTheOrderInWhichTheyWereSet) {
  Start();
  CreateTimer("a", 3600);
  CreateTimer("b", 3600.0004);  // within the tick, so equal to what comes to the same one
  CreateTimer("c", 3600.0001);
  CreateTimer("d", 3600);
  Settle();
  SetTime(3600 - 30);
  CreateTimer("e", 30);
  MoveFromNow("a", 30);  // set anew: behind e
  Settle();
  TakeOutputs();
  SettleAt(3600.001);
  EXPECT_THAT(TakeOutputs(),
              ElementsAre("d FIRED 1", "e FIRED 1", "a FIRED 1", "b FIRED 1", "c FIRED 1"));
}

TEST_F(ShardWindowTest, AnswersForAHandleThatIsOnDiskOnly) {
  Start();
  CreateTimer("got", 3600);
  CreateTimer("cancelled", 3600);
  CreateTimer("moved near", 3600);
  CreateTimer("moved far", 3600);
  CreateTimer("bounded", 3600);
  Settle();
  ASSERT_EQ(shard_->residents(), 0u);
  const auto got = Get("got");
  EXPECT_EQ(shard_->residents(), 0u);  // read and dropped
  const auto cancelled = Cancel("cancelled");
  const auto moved_near = MoveFromNow("moved near", 5);
  const auto moved_far = MoveFromNow("moved far", 7200);
  const auto bounded = Bound("bounded", 6);
  Settle();
  EXPECT_EQ((**got)->handle.due->at, At(3600));
  EXPECT_THAT(**cancelled, IsOk());
  EXPECT_EQ((**moved_near)->result.deadline, At(5));
  EXPECT_EQ((**moved_far)->result.old_deadline, At(3600));
  EXPECT_EQ((**bounded)->deadline, At(6));
  EXPECT_EQ(shard_->residents(), 2u);  // those due in 5 and 6 seconds
  TakeOutputs();
  SettleAt(3600);
  EXPECT_THAT(TakeOutputs(),
              ElementsAre("moved near FIRED 1", "bounded TIMED_OUT 1", "got FIRED 1"));
  SettleAt(7200);
  EXPECT_THAT(TakeOutputs(), ElementsAre("moved far FIRED 1"));
}

TEST_F(ShardWindowTest, ShrinksAboveTheLimitAndLosesNothing) {
  options_.window = std::chrono::hours(1);
  options_.max_residents = 20;
  Start();
  Settle();
  std::vector<std::string> expected;
  for (int i = 0; i < 200; ++i) {
    CreateTimer(absl::StrCat("t", i), 1000 + 10 * i);
    expected.push_back(absl::StrCat("t", i, " FIRED 1"));
  }
  Settle();
  EXPECT_LE(shard_->residents(), options_.max_residents);
  TakeOutputs();
  std::vector<std::string> fired;
  size_t most = 0;
  for (int second = 0; second <= 3000; second += 7) {
    SettleAt(second);
    most = std::max(most, shard_->residents());
    for (std::string& output : TakeOutputs()) {
      fired.push_back(std::move(output));
    }
  }
  EXPECT_EQ(fired, expected);
  EXPECT_LT(most, 200u);
}

TEST_F(ShardWindowTest, LoadsTheWindowPageByPage) {
  Start();
  for (int i = 0; i < 1200; ++i) {
    CreateTimer(absl::StrCat("t", i), 100);
  }
  Settle();
  EXPECT_EQ(shard_->residents(), 0u);
  SetTime(99);
  absl::StatusOr<bool> more = shard_->LoadWindow();
  ASSERT_THAT(more, IsOk());
  EXPECT_TRUE(*more);
  EXPECT_LT(shard_->residents(), 1200u);
  // What comes meanwhile and is due then stands behind what is still on disk.
  CreateTimer("new", 1);
  TakeOutputs();
  SettleAt(100);
  const std::vector<std::string> outputs = TakeOutputs();
  ASSERT_EQ(outputs.size(), 1202u);
  EXPECT_EQ(outputs[0], "create new");
  EXPECT_EQ(outputs[1], "t0 FIRED 1");
  EXPECT_EQ(outputs[1200], "t1199 FIRED 1");
  EXPECT_EQ(outputs[1201], "new FIRED 1");
}

TEST_F(ShardWindowTest, KeepsWhatIsOnItsWayToTheStore) {
  Start();
  Settle();
  CreateTimer("a", 70);  // beyond the window
  Commit(/*apply=*/false);
  TakeOutputs();
  SetTime(65);
  ASSERT_THAT(shard_->LoadWindow(), IsOk());  // it is not in the store's index yet
  SetTime(70);
  EXPECT_EQ(shard_->Fire(10), 1u);
  shard_->Release();
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 1"));
}

TEST_F(ShardWindowTest, StartsFromTheWindowNotTheWorld) {
  Start();
  for (int i = 0; i < 100; ++i) {
    CreateTimer(absl::StrCat("t", i), i * 10);
  }
  Commit();
  Start(0);
  Settle();
  EXPECT_EQ(shard_->residents(), 6u);  // 10 to 60 s; the one at 0 has fired
}

}  // namespace
}  // namespace timerd::reactor
