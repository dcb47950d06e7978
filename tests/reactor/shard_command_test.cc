// What a shard answers beyond what the state machines of server/timer do.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

using timer::Kind;

class ShardCommandTest : public ShardTest {
 protected:
  ShardCommandTest() { Start(); }
};

TEST_F(ShardCommandTest, AnswersTheSameCreateAsItAnsweredTheFirst) {
  const auto first = CreateTimer("a", 5);
  SettleAt(2);
  MoveFromNow("a", 50);
  const auto second = CreateTimer("a", 5);
  Settle();
  EXPECT_TRUE((**second)->existed);
  EXPECT_EQ((**second)->now, (**first)->now);
  EXPECT_EQ((**second)->deadline, (**first)->deadline);
  EXPECT_FALSE((**second)->ended);
  EXPECT_THAT((**second)->retained, IsEmpty());
}

TEST_F(ShardCommandTest, AnswersTheSameCreateOfAnEndedHandleWithItsEnd) {
  CreateTimer("a", 5);
  SettleAt(5);
  const auto again = CreateTimer("a", 5);
  Settle();
  EXPECT_TRUE((**again)->ended);
  ASSERT_EQ((**again)->retained.size(), 1u);
  EXPECT_EQ((**again)->retained[0].event.type, timer::EventType::kFired);
  EXPECT_TRUE((**again)->retained[0].end);
}

TEST_F(ShardCommandTest, RefusesAnotherCreateUnderTheIdAndNamesWhatDiffers) {
  const timer::Spec task{.kind = Kind::kTask,
                         .reported = true,
                         .span = Seconds(5),
                         .payload = "p",
                         .fallback = timer::Outcome{true, "f"}};
  Create("a", task);
  Settle();
  std::vector<std::pair<std::string, timer::Spec>> others(4, {"", task});
  others[0].first = "kind", others[0].second.kind = Kind::kTimer;
  others[1].first = "timeout", others[1].second.span = Seconds(6);
  others[2].first = "payload", others[2].second.payload = "q";
  others[3].first = "fallback", others[3].second.fallback->payload = "g";
  for (const auto& [field, spec] : others) {
    const auto answer = Create("a", spec);
    Settle();
    ASSERT_THAT(**answer, IsRefused(Reason::kIdInUse)) << field;
    EXPECT_EQ(DetailOf((*answer)->status()), field);
    EXPECT_EQ((*answer)->status().code(), absl::StatusCode::kAlreadyExists);
  }
}

TEST_F(ShardCommandTest, ChangesNothingAndWritesNothingWhenItRefuses) {
  CreateTimer("a", 5);
  Settle();
  const auto report = Report("a", 1);
  const auto cancel = Cancel("none");
  EXPECT_EQ(TakeFrame(), -1);
  Commit();
  EXPECT_THAT(**report, IsRefused(Reason::kWrongKind));
  EXPECT_THAT(**cancel, IsRefused(Reason::kUnknownId));
}

TEST_F(ShardCommandTest, ForgetsAnEndedHandleAfterTheRetentionTime) {
  CreateTimer("a", 5);
  SettleAt(5);
  SettleAt(5 + 24 * 3600 - 1);
  const auto kept = Get("a");
  SettleAt(5 + 24 * 3600);
  const auto forgotten = Get("a");
  const auto listed = List({});
  Settle();
  EXPECT_THAT(**kept, IsOk());
  EXPECT_THAT(**forgotten, IsRefused(Reason::kUnknownId));
  EXPECT_THAT((**listed)->rows, IsEmpty());
  EXPECT_EQ(shard_->residents(), 0u);
}

TEST_F(ShardCommandTest, LetsAnIdBeUsedAgainAtOnceWhenItIsForgotten) {
  CreateTimer("a", 5);
  SettleAt(5);
  SetTime(5 + 24 * 3600 + 0.001);
  const absl::StatusOr<size_t> forgotten = shard_->Forget();
  ASSERT_THAT(forgotten, IsOk());
  EXPECT_EQ(*forgotten, 1u);  // and the store does not know it yet
  const auto unknown = Get("a");
  const auto created = CreateTimer("a", 7, /*reported=*/true);
  Settle();
  EXPECT_THAT(**unknown, IsRefused(Reason::kUnknownId));
  EXPECT_FALSE((**created)->existed);
  Start(5 + 24 * 3600 + 1);
  Settle();
  const auto got = Get("a");
  Settle();
  EXPECT_TRUE((**got)->handle.spec.reported);  // the new one, whole
  EXPECT_EQ((**got)->handle.due->at, (**created)->deadline);
}

// The second life of an id began and ended within one turn; the store was then not told to forget
// the first one, which came back from it with its deadline and fired again.
TEST_F(ShardCommandTest, ForgetsAnIdThatWasUsedAgainAndForgottenAgainWithinOneFrame) {
  options_.limits.retention = Seconds(1);
  Start();
  CreateTimer("a", 5);
  SettleAt(5);
  SetTime(6.001);
  EXPECT_THAT(shard_->Forget(), IsOk());
  CreateTimer("a", 0);
  EXPECT_EQ(shard_->Fire(10), 1u);
  SetTime(7.002);
  EXPECT_THAT(shard_->Forget(), IsOk());
  Settle();
  TakeOutputs();
  const auto got = Get("a");
  Settle();
  EXPECT_THAT(**got, IsRefused(Reason::kUnknownId));
  Start(60);
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("get a"));
}

TEST_F(ShardCommandTest, TellsAWatcherWhatIsRetainedAfterTheGivenSequence) {
  CreateTimer("a", 1, /*reported=*/true);
  SettleAt(1);
  Report("a", 1);
  Settle();
  const auto all = Watch("a");
  const auto end = Watch("a", 1);
  const auto none = Watch("a", 2);
  Settle();
  ASSERT_EQ((**all)->retained.size(), 2u);
  EXPECT_EQ((**all)->retained[0].event.type, timer::EventType::kFired);
  EXPECT_FALSE((**all)->retained[0].end);
  EXPECT_TRUE((**all)->retained[0].redelivery);
  EXPECT_EQ((**all)->retained[1].event.type, timer::EventType::kCompleted);
  EXPECT_TRUE((**all)->retained[1].end);
  ASSERT_EQ((**end)->retained.size(), 1u);
  EXPECT_EQ((**end)->retained[0].event.sequence, 2u);
  EXPECT_THAT((**none)->retained, IsEmpty());
  EXPECT_TRUE((**none)->ended);
}

TEST_F(ShardCommandTest, BoundsAHandleAndTellsOnlyWhatComes) {
  CreateLoop("a", 1, /*start_now=*/true);
  Settle();
  const auto bounded = Bound("a", 5);
  Settle();
  EXPECT_EQ((**bounded)->deadline, At(5));
  EXPECT_THAT((**bounded)->retained, IsEmpty());  // the TICK was before
  TakeOutputs();
  SettleAt(5);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a TIMED_OUT 2"));
  const auto late = Bound("a", 5);
  Settle();
  EXPECT_FALSE((**late)->deadline.has_value());
  EXPECT_TRUE((**late)->ended);
  ASSERT_EQ((**late)->retained.size(), 1u);
  EXPECT_EQ((**late)->retained[0].event.type, timer::EventType::kTimedOut);
}

TEST_F(ShardCommandTest, RefusesToBoundWhatItDoesNotKnow) {
  const auto bounded = Bound("none", 5);
  Settle();
  EXPECT_THAT(**bounded, IsRefused(Reason::kUnknownId));
}

TEST_F(ShardCommandTest, RunsAFunctionInItsTurn) {
  CreateTimer("a", 5);
  int ran = 0;
  shard_->Execute(reactor::Run{[&ran] { ++ran; }});
  EXPECT_EQ(ran, 1);
}

TEST_F(ShardCommandTest, PutsTheRequestsPayloadIntoFiringEventsAndTheReportsIntoEnds) {
  Create("a", {.kind = Kind::kTimer, .reported = true, .span = Seconds(1), .payload = "mine"});
  SettleAt(1);
  EXPECT_EQ(notices_.back().event.payload, "mine");
  EXPECT_FALSE(notices_.back().end);
  shard_->Execute(reactor::Report{Key("a"), 1, {false, "broken"}, [](absl::StatusOr<Reported>) {}});
  Settle();
  EXPECT_EQ(notices_.back().event.payload, "broken");
  EXPECT_TRUE(notices_.back().end);
}

TEST_F(ShardCommandTest, FiresNoMoreThanItsLimitAtATime) {
  for (int i = 0; i < 5; ++i) {
    CreateTimer(absl::StrCat("t", i), 1);
  }
  Settle();
  SetTime(1);
  EXPECT_EQ(shard_->Fire(2), 2u);
  Cancel("t3");
  EXPECT_EQ(shard_->Fire(10), 2u);
  TakeOutputs();
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("t0 FIRED 1", "t1 FIRED 1", "cancel t3", "t3 CANCELLED 1",
                                         "t2 FIRED 1", "t4 FIRED 1"));
}

}  // namespace
}  // namespace timerd::reactor
