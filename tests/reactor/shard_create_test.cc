// Requests that meet a handle of their id: attached to, refused, or put in its place.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

using timer::Kind;

class ShardReplaceTest : public ShardTest {
 protected:
  ShardReplaceTest() { Start(); }

  static timer::Spec Timer(double delay, const std::string& idempotency_key = "") {
    return {.kind = Kind::kTimer, .span = Seconds(delay), .idempotency_key = idempotency_key};
  }
  // The answer to a request that may take the place of what is there.
  Opened Replace(const std::string& id, const timer::Spec& spec) {
    const auto answer = CreateKey(Key(id), spec, /*replace=*/true);
    Settle();
    EXPECT_THAT(**answer, IsOk());
    return ***answer;
  }
};

TEST_F(ShardReplaceTest, EndsTheOldOneForItsWatchersBeforeTheNewOneBegins) {
  CreateTimer("a", 5);
  Settle();
  TakeOutputs();
  const Opened opened = Replace("a", Timer(7));
  EXPECT_THAT(TakeOutputs(), ElementsAre("a CANCELLED 1", "create a"));
  EXPECT_EQ(notices_.back().event.reason, timer::EndReason::kReplaced);
  EXPECT_EQ(notices_.back().generation, 1u);
  EXPECT_TRUE(notices_.back().end);
  EXPECT_FALSE(opened.existed);
  EXPECT_EQ(opened.generation, 2u);
  EXPECT_EQ(opened.deadline, At(7));
  SettleAt(7);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 2"));  // the sequence goes on
  EXPECT_EQ(notices_.back().generation, 2u);
}

TEST_F(ShardReplaceTest, WritesBothDownAtOnce) {
  CreateTimer("a", 5);
  Settle();
  CreateKey(Key("a"), Timer(7), /*replace=*/true);
  EXPECT_EQ(TakeFrame(), 1);
  Commit();
  Start(1);
  TakeOutputs();
  SettleAt(6);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(7);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 2"));
}

TEST_F(ShardReplaceTest, LeavesTheOldOneWhenItDiesBeforeItIsWrittenDown) {
  CreateTimer("a", 5);
  Settle();
  CreateKey(Key("a"), Timer(7), /*replace=*/true);
  Start(1);
  TakeOutputs();
  SettleAt(5);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 1"));
  EXPECT_EQ(notices_.back().generation, 1u);
}

TEST_F(ShardReplaceTest, ReplacesWhatIsOnDiskOnly) {
  options_.window = std::chrono::seconds(60);
  Start();
  CreateTimer("a", 3600);
  Bound("a", 1800);
  Settle();
  ASSERT_EQ(shard_->residents(), 0u);
  Replace("a", Timer(7200));
  TakeOutputs();
  SettleAt(3600);
  Start(3700);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(7200);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 2"));
}

TEST_F(ShardReplaceTest, AttachesToALiveOneOfTheSameContents) {
  CreateTimer("a", 5);
  SettleAt(1);
  const Opened opened = Replace("a", Timer(5));
  EXPECT_TRUE(opened.existed);
  EXPECT_EQ(opened.generation, 1u);
  EXPECT_EQ(opened.deadline, At(5));
}

TEST_F(ShardReplaceTest, StartsAnEndedOneOfTheSameContentsAgain) {
  Create("a", {.kind = Kind::kLoop, .reported = true, .span = Seconds(1)});
  SettleAt(1);
  Report("a", 1, /*success=*/false);
  Settle();
  TakeOutputs();
  const Opened opened = Replace("a", {.kind = Kind::kLoop, .reported = true, .span = Seconds(1)});
  EXPECT_THAT(TakeOutputs(), ElementsAre("create a"));  // it had ended: it does not end again
  EXPECT_FALSE(opened.existed);
  EXPECT_EQ(opened.generation, 2u);
  EXPECT_THAT(opened.retained, IsEmpty());
  SettleAt(2);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a TICK 3"));
  EXPECT_EQ(notices_.back().event.run, 1u);
}

TEST_F(ShardReplaceTest, AttachesToWhatTheSameKeyMadeAlthoughItHasEnded) {
  Create("a", Timer(5, "key"));
  SettleAt(5);
  const Opened opened = Replace("a", Timer(5, "key"));
  EXPECT_TRUE(opened.existed);
  EXPECT_TRUE(opened.ended);
  EXPECT_EQ(opened.generation, 1u);
}

TEST_F(ShardReplaceTest, ReplacesALiveOneOfTheSameContentsUnderAnotherKey) {
  Create("a", Timer(5, "key"));
  SettleAt(1);
  const Opened opened = Replace("a", Timer(5, "other"));
  EXPECT_FALSE(opened.existed);
  EXPECT_EQ(opened.generation, 2u);
  EXPECT_EQ(opened.deadline, At(6));
}

TEST_F(ShardReplaceTest, RefusesOtherContentsUnderTheSameKey) {
  Create("a", Timer(5, "key"));
  const auto answer = CreateKey(Key("a"), Timer(6, "key"), /*replace=*/true);
  Settle();
  EXPECT_THAT(**answer, IsRefused(Reason::kIdInUse));
  EXPECT_EQ(DetailOf((*answer)->status()), "delay");
}

TEST_F(ShardReplaceTest, AttachesWithoutReplaceWhateverTheKey) {
  Create("a", Timer(5, "key"));
  const auto other = Create("a", Timer(5, "other"));
  const auto none = Create("a", Timer(5));
  Settle();
  EXPECT_TRUE((**other)->existed);
  EXPECT_TRUE((**none)->existed);
}

TEST_F(ShardReplaceTest, TakesAnEndedOneAsNoReasonToRefuseWithReplaceOnly) {
  CreateTimer("a", 5);
  SettleAt(5);
  const auto refused = Create("a", Timer(6));
  Settle();
  EXPECT_THAT(**refused, IsRefused(Reason::kIdInUse));
  EXPECT_EQ(Replace("a", Timer(6)).generation, 2u);
}

TEST_F(ShardReplaceTest, ChangesNothingWhenTheNewOneCannotBeMade) {
  CreateTimer("a", 5);
  Settle();
  timer::Spec spec{.kind = Kind::kLoop, .reported = true, .span = Seconds(10)};
  spec.loop.Edit().until = Wall(1);
  const auto refused = CreateKey(Key("a"), spec, /*replace=*/true);
  EXPECT_EQ(TakeFrame(), -1);
  Settle();
  EXPECT_THAT(**refused, IsRefused(Reason::kInvalidField));
  TakeOutputs();
  SettleAt(5);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 1"));
}

TEST_F(ShardReplaceTest, BeginsAnewAfterTheOldOneIsForgotten) {
  options_.limits.retention = Seconds(10);
  Start();
  CreateTimer("a", 5);
  SettleAt(5);
  SetTime(15);
  const Opened opened = Replace("a", Timer(6));
  EXPECT_EQ(opened.generation, 1u);
  EXPECT_FALSE(opened.existed);
}

TEST_F(ShardReplaceTest, TellsTheEventsOfALoopThatIsOverAtOnce) {
  timer::Spec spec{.kind = Kind::kLoop, .span = Seconds(10), .start_now = true};
  spec.loop.Edit().max_runs = 1;
  const auto answer = Create("l", spec);
  Settle();
  ASSERT_THAT(**answer, IsOk());
  EXPECT_FALSE((**answer)->ended) << "nobody would be attached to hear of its tick";
  EXPECT_THAT(TakeOutputs(), ElementsAre("create l", "l TICK 1", "l COMPLETED 2"));
}

}  // namespace
}  // namespace timerd::reactor
