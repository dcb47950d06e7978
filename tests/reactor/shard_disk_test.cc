// What a shard does while the disk is short of room: nothing new, and all that there is.
#include "tests/reactor/shard_queue_fixture.h"

namespace timerd::reactor {
namespace {

class ShardDiskTest : public ShardQueueTest {
 protected:
  ShardDiskTest() {
    options_.disk = &disk_;
    Start();
  }
  ~ShardDiskTest() override { shard_.reset(); }  // before what it asks

  void RunShort() { disk_.Update({.free = 999, .size = 1'000'000}); }
  void MakeRoom() { disk_.Update({.free = 500'000, .size = 1'000'000}); }
  absl::Status StatusOf(const Answer<Opened>& answer) {
    Settle();
    return (*answer)->status();
  }
  static timer::Spec Timer(double delay) {
    return {.kind = timer::Kind::kTimer, .span = Seconds(delay)};
  }

  DiskRoom disk_{{.bytes = 1000}};
};

TEST_F(ShardDiskTest, RefusesWhatIsNewUntilThereIsRoom) {
  RunShort();
  for (const Answer<Opened>& answer :
       {CreateTimer("timer", 5), CreateLoop("loop", 5), CreateTask("task", 5)}) {
    EXPECT_THAT(StatusOf(answer), IsRefused(Reason::kLimitExceeded));
    EXPECT_EQ(LimitOf(StatusOf(answer)), "min-free-disk");
  }
  EXPECT_EQ(operations_, 0);
  EXPECT_EQ(shard_->residents(), 0u);
  MakeRoom();
  EXPECT_THAT(StatusOf(CreateTimer("timer", 5)), IsOk());
}

TEST_F(ShardDiskTest, AnswersARequestThatItHasSeenAndRefusesAReplacement) {
  EXPECT_THAT(StatusOf(CreateTimer("a", 5)), IsOk());
  RunShort();
  EXPECT_THAT(StatusOf(CreateTimer("a", 5)), IsOk());
  EXPECT_THAT(StatusOf(CreateKey(Key("a"), Timer(9), /*replace=*/true)),
              IsRefused(Reason::kLimitExceeded));
  EXPECT_THAT(StatusOf(CreateKey(Key("a"), Timer(9))), IsRefused(Reason::kIdInUse));
  TakeOutputs();
  SettleAt(5);
  EXPECT_THAT(TakeOutputs(), ElementsAre("a FIRED 1"));
}

TEST_F(ShardDiskTest, GoesOnWithWhatThereIs) {
  CreateTimer("fires", 5);
  CreateTimer("cancelled", 5);
  CreateTimer("moved", 5);
  CreateLoop("ticks", 2);
  CreateTask("reported", 5);
  CreateTask("times out", 4);
  CreateQueued("work", 1);
  Settle();
  RunShort();
  TakeOutputs();
  Cancel("cancelled");
  MoveFromNow("moved", 6);
  Report("reported", 1);
  Settle();
  EXPECT_THAT(TakeOutputs(), ElementsAre("cancel cancelled", "cancelled CANCELLED 1", "move moved",
                                         "report reported", "reported COMPLETED 1"));
  const auto bound = Bound("fires", 5.5);
  Settle();
  EXPECT_THAT(**bound, IsOk());
  TakeOutputs();
  SettleAt(2);
  Report("ticks", 1);
  SettleAt(4);
  SettleAt(6);
  EXPECT_THAT(TakeOutputs(), ElementsAre("ticks TICK 1", "report ticks", "times out TIMED_OUT 1",
                                         "ticks TICK 2", "fires FIRED 1", "moved FIRED 1"));
  Offer(1);
  ASSERT_EQ(worker_->delivered.size(), 1u);
  EXPECT_THAT(**SettleWith(worker_->delivered[0], timer::Success{}), IsOk());
  EXPECT_EQ(mail().scheduled, 0);
  EXPECT_EQ(mail().leased, 0);
}

TEST_F(ShardDiskTest, KeepsADeadLetterThatItDoesNotReplay) {
  mail().settings.retry.max_attempts = 1;
  CreateQueued("a", 1);
  SettleAt(1);
  Offer(1);
  ASSERT_EQ(worker_->delivered.size(), 1u);
  SettleWith(worker_->delivered[0], timer::Failure{.final = true});
  ASSERT_EQ(mail().dead, 1);
  const DueKey letter =
      Ask<Letters>(ListLetters{.queue = "default/mail", .max = 9})->letters.at(0).key;
  RunShort();
  const auto again = [&] {
    return Ask<std::string>(TakeLetter{
        .queue = "default/mail", .letter = letter, .replay = true, .new_key = "default/new"});
  };
  EXPECT_THAT(again(), IsRefused(Reason::kLimitExceeded));
  EXPECT_EQ(mail().dead, 1);
  MakeRoom();
  EXPECT_THAT(again(), IsOk());
  EXPECT_EQ(mail().dead, 0);
}

}  // namespace
}  // namespace timerd::reactor
