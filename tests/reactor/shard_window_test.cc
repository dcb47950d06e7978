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
  options_.max_resident_bytes = RoomFor(1);
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
  options_.max_resident_bytes = RoomFor(20);
  Start();
  Settle();
  std::vector<std::string> expected;
  for (int i = 0; i < 200; ++i) {
    CreateTimer(absl::StrCat("t", i), 1000 + 10 * i);
    expected.push_back(absl::StrCat("t", i, " FIRED 1"));
  }
  Settle();
  EXPECT_LE(shard_->resident_bytes(), options_.max_resident_bytes);
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

// What is on its way to the store is looked at with each page, so that much of it is waited for.
TEST_F(ShardWindowTest, WaitsForTheStoreBeforeItLoadsAsLongAsItCan) {
  Start();
  CreateTimer("near", 70);
  CreateTimer("far", 125);
  Settle();
  const auto fill = [this](absl::string_view prefix) {
    for (int i = 0; i < 5000; ++i) {
      CreateTimer(absl::StrCat(prefix, i), 3600);
    }
    Commit(/*apply=*/false);
  };
  fill("a");
  SetTime(40);
  ASSERT_EQ(shard_->LoadedUntil(), At(60));
  EXPECT_FALSE(*shard_->LoadWindow());
  EXPECT_EQ(shard_->LoadedUntil(), At(60));
  EXPECT_GT(shard_->wanted(), 0U);
  EXPECT_GT(shard_->NextWake(), At(40)) << "spins";
  EXPECT_LT(shard_->NextWake(), At(60)) << "is late";
  Commit();
  EXPECT_LE(shard_->NextWake(), At(40));
  EXPECT_FALSE(*shard_->LoadWindow());
  EXPECT_EQ(shard_->LoadedUntil(), At(100));

  fill("b");
  SetTime(99.75);
  EXPECT_FALSE(*shard_->LoadWindow());
  EXPECT_EQ(shard_->LoadedUntil(), At(159.75)) << "what is due is waited for";
}

// Memory that a page fills is not emptied again by the next look at the budget.
TEST_F(ShardWindowTest, StopsLoadingWhereMemoryIsFull) {
  Start();
  for (int i = 0; i < 400; ++i) {
    CreateTimer(absl::StrCat("t", i), 1000 + i);
  }
  Settle();
  options_.window = std::chrono::hours(1);
  options_.max_resident_bytes = RoomFor(100);
  Start(1);
  const size_t loaded = shard_->residents();
  EXPECT_GT(loaded, 50u);
  EXPECT_LE(shard_->resident_bytes(), options_.max_resident_bytes);
  EXPECT_LT(shard_->window().span, Seconds(1150));
  EXPECT_GT(shard_->window().span, Seconds(1000));
  SettleAt(2);
  EXPECT_EQ(shard_->residents(), loaded) << "what was loaded is dropped again";
}

TEST_F(ShardWindowTest, HoldsAsManyAsTheirPayloadsAllow) {
  options_.max_resident_bytes = RoomFor(100);
  Start();
  Settle();
  for (int i = 0; i < 30; ++i) {
    Create(absl::StrCat("large", i), {.kind = timer::Kind::kTimer,
                                      .span = Seconds(i < 20 ? 40 : 10),
                                      .payload = std::string(RoomFor(8), 'p')});
    Settle();
  }
  EXPECT_LE(shard_->resident_bytes(), options_.max_resident_bytes);
  EXPECT_LE(shard_->residents(), 12u);
  EXPECT_LT(shard_->window().span, Seconds(40));
}

// Where memory was full, what came next was read from disk only when it was due, one page at each
// moment.
TEST_F(ShardWindowTest, LoadsWhatIsDueSoonAlthoughMemoryIsFull) {
  options_.max_resident_bytes = RoomFor(1);
  Start();
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) {
    CreateTimer(absl::StrCat("t", i), 100 + 0.1 * i);
    expected.push_back(absl::StrCat("t", i, " FIRED 1"));
  }
  Settle();
  CreateTask("alive", 1000);
  Settle();
  MoveFromNow("alive", 2000);  // stays in memory
  Settle();
  TakeOutputs();
  size_t soon = 0;  // how many are loaded half a second before the first
  for (Instant now = At(0); now < At(101);) {
    ASSERT_GT(shard_->NextWake(), now) << "spins";
    now = std::min(shard_->NextWake(), At(101));
    SettleAt(static_cast<double>((now - kStart).count()) / 1e9);
    if (now < At(99)) {
      EXPECT_LE(shard_->residents(), 2u);
    } else if (now <= At(99.5)) {
      soon = shard_->residents();
    }
  }
  EXPECT_EQ(soon, 6u);
  EXPECT_EQ(TakeOutputs(), expected);
  EXPECT_EQ(shard_->window().late_pages, 0u);
}

// A shard that does not come to load what is due soon enough, because there is too much of it or
// because it was not given the time.
TEST_F(ShardWindowTest, CountsThePagesThatComeTooLateAndKeepsTheOrder) {
  Start();
  std::vector<std::string> expected;
  for (int i = 0; i < 2000; ++i) {
    CreateTimer(absl::StrCat("t", i), 100 + 0.001 * (i / 7));
    expected.push_back(absl::StrCat("t", i, " FIRED 1"));
  }
  Settle();
  SettleAt(35);
  EXPECT_EQ(shard_->window().pages, 0u);
  TakeOutputs();
  SetTime(100.05);
  // A page a turn, and what it has that is due.
  for (int turn = 0; turn < 2; ++turn) {
    ASSERT_THAT(shard_->LoadWindow(), IsOk());
    EXPECT_LT(shard_->LoadedUntil(), At(100.08 + 0.08 * turn));
    shard_->Fire(1000);
  }
  Commit();
  EXPECT_EQ(shard_->window().pages, 2u);
  EXPECT_EQ(shard_->window().late_pages, 1u) << "the second one begins later than now";
  SettleAt(200);
  EXPECT_EQ(TakeOutputs(), expected);
  EXPECT_EQ(shard_->window().pages, 4u);
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
