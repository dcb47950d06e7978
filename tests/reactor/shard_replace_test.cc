// Handles that take the place of others, and requests that come again.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

class ShardReplaceTest : public ShardTest {
 protected:
  Answer<Opened> Replace(const std::string& id, double delay, const std::string& key = "") {
    timer::Spec spec{.kind = timer::Kind::kTimer, .span = Seconds(delay)};
    spec.idempotency_key = key;
    return CreateKey(Key(id), std::move(spec), /*replace=*/true);
  }
  static const Opened& Of(const Answer<Opened>& answer) {
    TIMERD_CHECK(answer->has_value() && (*answer)->ok());
    return ***answer;
  }
};

TEST_F(ShardReplaceTest, EndsTheOldOneBeforeItBeginsTheNew) {
  Start();
  CreateTimer("a", 5);
  Commit();
  TakeOutputs();
  const auto replaced = Replace("a", 9);
  Commit();
  EXPECT_THAT(TakeOutputs(), ElementsAre("a CANCELLED 1", "create a"));
  EXPECT_EQ(notices_.back().event.reason, timer::EndReason::kReplaced);
  EXPECT_EQ(notices_.back().generation, 1u);
  EXPECT_TRUE(notices_.back().end);
  EXPECT_EQ(Of(replaced).generation, 2u);
  EXPECT_FALSE(Of(replaced).existed);
  SettleAt(5);
  EXPECT_THAT(TakeOutputs(), IsEmpty());
  SettleAt(9);
  // Sequence numbers go on, so that a Watch after the old one's last misses nothing.
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 2"));
}

TEST_F(ShardReplaceTest, SurvivesARestart) {
  Start();
  CreateTimer("a", 5);
  Commit();
  Replace("a", 9);
  Commit();
  Start(1);
  TakeOutputs();
  SettleAt(8.999);
  EXPECT_THAT(TakeOutputs(), IsEmpty()) << "the old deadline is still in the index";
  SettleAt(9);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 2"));
  EXPECT_EQ(notices_.back().generation, 2u);
}

TEST_F(ShardReplaceTest, AttachesToTheSameContentsWhileTheyLive) {
  Start();
  Replace("a", 5);
  Commit();
  const auto again = Replace("a", 5);
  Commit();
  EXPECT_TRUE(Of(again).existed);
  SettleAt(5);
  const auto after = Replace("a", 5);
  Commit();
  EXPECT_FALSE(Of(after).existed);
  EXPECT_EQ(Of(after).generation, 2u);
  EXPECT_EQ(Of(after).deadline, At(10));
}

TEST_F(ShardReplaceTest, TellsARetryFromANewRequestByItsKey) {
  Start();
  Replace("a", 5, "k1");
  Commit();
  EXPECT_EQ(TakeOutputs().size(), 1u);
  const auto retry = Replace("a", 5, "k1");
  const auto request = Replace("a", 5, "k2");
  Commit();
  EXPECT_TRUE(Of(retry).existed);
  EXPECT_EQ(Of(request).generation, 2u);
  SettleAt(5);
  const auto late = Replace("a", 5, "k2");
  Commit();
  EXPECT_TRUE(Of(late).existed) << "a retry has begun the timer again";
  EXPECT_TRUE(Of(late).ended);
}

TEST_F(ShardReplaceTest, RefusesOtherContentsUnderTheSameKey) {
  Start();
  Replace("a", 5, "k1");
  Commit();
  const auto other = Replace("a", 6, "k1");
  Commit();
  EXPECT_THAT((*other)->status(), IsRefused(Reason::kIdInUse));
}

TEST_F(ShardReplaceTest, IsRefusedWithoutEndingTheOldOne) {
  Start();
  CreateTimer("a", 5);
  Commit();
  TakeOutputs();
  timer::Spec spec{.kind = timer::Kind::kLoop, .span = Seconds(10)};
  spec.loop.until = Wall(1);  // before the first tick
  const auto refused = CreateKey(Key("a"), std::move(spec), /*replace=*/true);
  Commit();
  EXPECT_THAT((*refused)->status(), IsRefused(Reason::kInvalidField));
  EXPECT_THAT(TakeOutputs(), ElementsAre("create a"));
  SettleAt(5);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 1"));
}

TEST_F(ShardReplaceTest, TellsTheEventsOfALoopThatIsOverAtOnce) {
  Start();
  timer::Spec spec{.kind = timer::Kind::kLoop, .span = Seconds(10), .start_now = true};
  spec.loop.max_runs = 1;
  const auto opened = Create("l", std::move(spec));
  Commit();
  EXPECT_FALSE(Of(opened).ended) << "nobody would be attached to hear of its tick";
  EXPECT_THAT(TakeOutputs(), ElementsAre("create l", "l TICK 1", "l COMPLETED 2"));
}

}  // namespace
}  // namespace timerd::reactor
