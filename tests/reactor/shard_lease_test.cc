// Leases in a shard: what becomes of what a worker has, and of what nobody could carry out.
#include "tests/reactor/shard_queue_fixture.h"

namespace timerd::reactor {
namespace {

class ShardLeaseTest : public ShardQueueTest {};

TEST_F(ShardLeaseTest, DeliversAgainWithAHigherAttemptWhatWasNotSettled) {
  Start();
  mail().credit = 2;
  CreateQueued("a", 1);
  SettleAt(1);
  EXPECT_THAT(Delivered(), ElementsAre("a 1"));
  SettleAt(31);
  ASSERT_EQ(worker_->over.size(), 1u);
  EXPECT_TRUE(std::get<2>(worker_->over[0])) << "taken away";
  SettleAt(33);
  EXPECT_THAT(Delivered(), ElementsAre("a 2"));
}

TEST_F(ShardLeaseTest, FreesCreditWhenTheSettlementIsDurable) {
  Start();
  mail().credit = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  const Occurrence occurrence = worker_->delivered.at(0);
  const auto answer = SettleWith(occurrence, timer::Success{"r"});
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->value().end, timer::EventType::kCompleted);
  ASSERT_EQ(worker_->over.size(), 1u);
  EXPECT_FALSE(std::get<2>(worker_->over[0]));
  EXPECT_EQ(mail().leased, 0);
  EXPECT_EQ(mail().scheduled, 0);
}

TEST_F(ShardLeaseTest, TakesWorkAwayThatIsCancelled) {
  Start();
  mail().credit = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  Cancel("a");
  Settle();
  ASSERT_EQ(worker_->over.size(), 1u);
  EXPECT_TRUE(std::get<2>(worker_->over[0]));
}

TEST_F(ShardLeaseTest, WaitsForAWorkerThatIsGoneOnlyForTheGrace) {
  Start();
  mail().credit = 2;
  CreateQueued("a", 1);
  SettleAt(1);
  shard_->Execute(Abandon{Key("a"), worker_->delivered.at(0).lease});
  Settle();
  Delivered();
  SettleAt(2.9);
  EXPECT_THAT(worker_->over, IsEmpty());
  SettleAt(3);
  EXPECT_EQ(worker_->over.size(), 1u);
  SettleAt(4.1);
  EXPECT_THAT(Delivered(), ElementsAre("a 2"));
}

TEST_F(ShardLeaseTest, TellsAWorkerThatAnotherHasSettledWhatItHad) {
  Start();
  mail().credit = 2;
  CreateQueued("a", 1);
  CreateQueued("b", 1);
  SettleAt(1);
  ASSERT_EQ(worker_->delivered.size(), 2u);
  const Recorder other;
  SettleWith(worker_->delivered[0], timer::Success{}, &other);
  SettleWith(worker_->delivered[1], timer::Success{}, worker_.get());
  EXPECT_THAT(worker_->over,
              ElementsAre(std::tuple("a", worker_->delivered[0].lease, /*revoked=*/true),
                          std::tuple("b", worker_->delivered[1].lease, /*revoked=*/false)));
}

// A worker comes back over a new stream before it is known that the old one is dead.
TEST_F(ShardLeaseTest, LeavesALeaseToWhoExtendsItOverAnotherStream) {
  Start();
  mail().credit = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  const Occurrence occurrence = worker_->delivered.at(0);
  const Recorder other;
  const auto extended = SettleWith(occurrence, timer::Extend{Seconds(100)}, &other);
  EXPECT_EQ((**extended)->result.lease_end, At(101));
  EXPECT_THAT(worker_->over, ElementsAre(std::tuple("a", occurrence.lease, /*revoked=*/true)));
  shard_->Execute(Abandon{occurrence.key, occurrence.lease});
  mail().credit = 1;
  SettleAt(4);
  SettleAt(6);
  EXPECT_EQ(worker_->delivered.size(), 1u) << "cut short";
  SettleAt(101);
  SettleAt(103);
  EXPECT_EQ(worker_->delivered.size(), 2u);
}

TEST_F(ShardLeaseTest, LeavesALeaseToItsWorkerWhenAnotherFailsToExtendIt) {
  Start();
  mail().credit = 2;
  CreateQueued("a", 1);
  CreateQueued("b", 1);
  SettleAt(1);
  Occurrence wrong = worker_->delivered.at(0);
  wrong.lease = worker_->delivered.at(1).lease;
  const Recorder other;
  EXPECT_THAT(**SettleWith(wrong, timer::Extend{Seconds(100)}, &other),
              IsRefused(Reason::kNotYours));
  EXPECT_THAT(worker_->over, IsEmpty());
}

TEST_F(ShardLeaseTest, BuriesWhatFailedAndReplaysIt) {
  Start();
  mail().credit = 5;
  mail().settings.retry.max_attempts = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  SettleWith(worker_->delivered.at(0), timer::Failure{.payload = "broken"});
  EXPECT_EQ(mail().dead, 1);
  Delivered();
  auto letters = Ask<Letters>(ListLetters{.queue = "default/mail", .max = 10});
  ASSERT_THAT(letters, IsOk());
  ASSERT_EQ(letters->letters.size(), 1u);
  const Letter& letter = letters->letters[0];
  EXPECT_EQ(letter.letter.failure(), "broken");
  EXPECT_EQ(letter.letter.attempts(), 1u);
  EXPECT_EQ(letter.spec.payload, "payload of a");

  Start(2);  // they outlive the server
  const auto replayed = Ask<std::string>(
      TakeLetter{.queue = "default/mail", .letter = letter.key, .replay = true, .new_key = "x"});
  ASSERT_THAT(replayed, IsOk());
  EXPECT_EQ(*replayed, Key("a"));
  ASSERT_EQ(worker_->delivered.size(), 1u);
  EXPECT_EQ(worker_->delivered[0].generation, 2u);
  EXPECT_EQ(worker_->delivered[0].payload, "payload of a");
  EXPECT_THAT(Ask<std::string>(TakeLetter{.queue = "default/mail", .letter = letter.key}),
              IsRefused(Reason::kUnknownDeadLetter));
}

TEST_F(ShardLeaseTest, ReplaysUnderANewIdWhenTheOldOneLives) {
  Start();
  mail().credit = 5;
  mail().settings.retry.max_attempts = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  SettleWith(worker_->delivered.at(0), timer::Failure{});
  CreateKey(Key("a"), {.kind = timer::Kind::kTimer, .span = Seconds(50)}, /*replace=*/true);
  Settle();
  const auto letters = Ask<Letters>(ListLetters{.queue = "default/mail", .max = 10});
  const auto replayed = Ask<std::string>(TakeLetter{.queue = "default/mail",
                                                    .letter = letters->letters.at(0).key,
                                                    .replay = true,
                                                    .new_key = Key("fresh")});
  ASSERT_THAT(replayed, IsOk());
  EXPECT_EQ(*replayed, Key("fresh"));
}

TEST_F(ShardLeaseTest, ForgetsDeadLettersAfterTheirRetention) {
  options_.dead_letter_retention = std::chrono::hours(1);
  Start();
  mail().credit = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  SettleWith(worker_->delivered.at(0), timer::Failure{.final = true});
  SettleAt(3500);
  EXPECT_EQ(mail().dead, 1);
  SettleAt(3700);
  EXPECT_EQ(mail().dead, 0);
}

}  // namespace
}  // namespace timerd::reactor
