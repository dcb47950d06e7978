// Leases, attempts and backoff, as functions of time.
#include "server/timer/delivery.h"

#include "tests/timer/machine_fixture.h"

namespace timerd::timer {
namespace {

constexpr uint64_t kLease = 77;

class DeliveryTest : public MachineTest {
 protected:
  Handle MakeQueued(double delay, DeliveryPolicy policy = {}) {
    return Create("space/q",
                  {.kind = Kind::kTimer,
                   .reported = true,
                   .span = Seconds(delay),
                   .queue = "mail",
                   .delivery = policy},
                  nullptr, At(0));
  }
  Handle MakeQueuedLoop(double interval, bool start_now = false) {
    return Create("space/l",
                  {.kind = Kind::kLoop,
                   .reported = true,
                   .span = Seconds(interval),
                   .start_now = start_now,
                   .queue = "mail"},
                  nullptr, At(0));
  }
  // Due at 1, and leased there.
  Handle MakeLeased(DeliveryPolicy policy = {}) {
    Handle handle = MakeQueued(1, policy);
    EXPECT_EQ(Fire(handle, At(1)), Fired::kQueued);
    Lease(handle, kLease, At(1));
    return handle;
  }
};

TEST_F(DeliveryTest, WaitsInItsQueueStillPendingWithoutAnEvent) {
  Handle handle = MakeQueued(1);
  EXPECT_EQ(StageOf(handle), Stage::kIdle);
  EXPECT_EQ(Fire(handle, At(1)), Fired::kQueued);
  EXPECT_EQ(event_count(), 0u);
  EXPECT_EQ(handle.phase, Phase::kPending);
  EXPECT_EQ(StageOf(handle), Stage::kWaiting);
  EXPECT_EQ(NextDueOf(handle), -1) << "nothing acts on it but a worker";
  ASSERT_EQ(AllDue(handle).size(), 1u);
  EXPECT_EQ(AllDue(handle)[0].timeline, Timeline::kQueue);
}

TEST_F(DeliveryTest, FiresWhenAWorkerTakesItAndTellsItsOwnDeadline) {
  Handle handle = MakeQueued(1);
  Fire(handle, At(1));
  Lease(handle, kLease, At(9));
  EXPECT_EQ(event().type, EventType::kFired);
  EXPECT_EQ(SecondsOf(*event().deadline), 1);
  EXPECT_EQ(SecondsOf(event().time), 9);
  EXPECT_EQ(handle.delivery.attempts, 1u);
  EXPECT_EQ(NextDueOf(handle), 39) << "the default lease is 30 s";
}

TEST_F(DeliveryTest, CanBeCancelledAndMovedWhileItWaits) {
  Handle handle = MakeQueued(1);
  Fire(handle, At(1));
  ASSERT_TRUE(Reschedule(handle, FromNow{Seconds(5)}, At(2)).ok());
  EXPECT_EQ(StageOf(handle), Stage::kIdle);
  EXPECT_EQ(NextDueOf(handle), 7);
  Fire(handle, At(7));
  ASSERT_TRUE(Cancel(handle, At(8)).ok());
  EXPECT_EQ(event().type, EventType::kCancelled);
  EXPECT_EQ(StageOf(handle), Stage::kIdle);
}

TEST_F(DeliveryTest, CompletesWithTheResult) {
  Handle handle = MakeLeased();
  ASSERT_TRUE(Settle(handle, kLease, Success{"done"}, At(2)).ok());
  EXPECT_EQ(event().type, EventType::kCompleted);
  EXPECT_EQ(event().payload, "done");
  EXPECT_EQ(event().attempts, 1u);
  EXPECT_EQ(handle.delivery.lease, 0u);
}

TEST_F(DeliveryTest, RefusesASettlementOfAnotherLeaseOrAfterItsEnd) {
  Handle handle = MakeLeased();
  EXPECT_THAT(Settle(handle, kLease + 1, Success{}, At(2)), IsRefused(Reason::kNotYours));
  ASSERT_TRUE(Settle(handle, kLease, Success{}, At(2)).ok());
  EXPECT_THAT(Settle(handle, kLease, Success{}, At(2)), IsRefused(Reason::kNotLeased));
}

TEST_F(DeliveryTest, TriesAgainAfterALapseWithTheNextAttempt) {
  Handle handle = MakeLeased({.lease = Seconds(10)});
  EXPECT_EQ(NextDueOf(handle), 11);
  EXPECT_EQ(Fire(handle, At(11)), Fired::kMoved);
  EXPECT_EQ(StageOf(handle), Stage::kBackoff);
  EXPECT_THAT(Settle(handle, kLease, Success{}, At(11)), IsRefused(Reason::kNotLeased));
  const double next = NextDueOf(handle);
  EXPECT_GE(next, 11.5);
  EXPECT_LE(next, 12.001);
  EXPECT_EQ(Fire(handle, At(next)), Fired::kQueued);
  Lease(handle, kLease + 2, At(next));
  EXPECT_EQ(event_count(), 0u) << "the run has begun already";
  EXPECT_EQ(handle.delivery.attempts, 2u);
  EXPECT_EQ(handle.run, 1u);
}

TEST_F(DeliveryTest, WaitsLongerAfterEachAttemptUpToTheMost) {
  const RetryPolicy retry{Seconds(2), 3, Seconds(15), 10};
  Handle handle = MakeLeased({.retry = retry});
  double now = 1;
  for (const double wait : {2.0, 6.0, 15.0, 15.0}) {
    ASSERT_TRUE(Settle(handle, kLease, Failure{}, At(now)).ok());
    const double next = NextDueOf(handle);
    EXPECT_GE(next - now, wait / 2);
    EXPECT_LE(next - now, wait + 0.001);
    Fire(handle, At(next));
    Lease(handle, kLease, At(next));
    now = next;
  }
}

TEST_F(DeliveryTest, TakesAWaitThatTheFailureAskedFor) {
  Handle handle = MakeLeased();
  const auto settled =
      Settle(handle, kLease, Failure{.payload = "busy", .retry_after = Seconds(100)}, At(2));
  ASSERT_TRUE(settled.ok());
  EXPECT_EQ(SecondsOf(*settled->next_attempt), 102);
  EXPECT_EQ(NextDueOf(handle), 102);
}

TEST_F(DeliveryTest, FailsWithTheLastFailureWhenNoAttemptIsLeft) {
  Handle handle = MakeLeased({.retry = {.max_attempts = 2}});
  EXPECT_FALSE(IsLastAttempt(handle, PolicyOf(handle, kDefaultDelivery)));
  ASSERT_TRUE(Settle(handle, kLease, Failure{"first"}, At(2)).ok());
  Fire(handle, At(10));
  Lease(handle, kLease, At(10));
  EXPECT_TRUE(IsLastAttempt(handle, PolicyOf(handle, kDefaultDelivery)));
  ASSERT_TRUE(Settle(handle, kLease, Failure{"second"}, At(11)).ok());
  EXPECT_EQ(event().type, EventType::kFailed);
  EXPECT_EQ(event().payload, "second");
  EXPECT_EQ(event().attempts, 2u);
}

TEST_F(DeliveryTest, FailsAtOnceWhenTheFailureIsFinal) {
  Handle handle = MakeLeased();
  ASSERT_TRUE(Settle(handle, kLease, Failure{.payload = "no", .final = true}, At(2)).ok());
  EXPECT_EQ(event().type, EventType::kFailed);
}

TEST_F(DeliveryTest, FailsAsLapsedWhenTheLastLeaseLapses) {
  Handle handle = MakeLeased({.retry = {.max_attempts = 1}});
  EXPECT_EQ(Fire(handle, At(31)), Fired::kEvent);
  EXPECT_EQ(event().type, EventType::kFailed);
  EXPECT_EQ(event().reason, EndReason::kLeaseLapsed);
}

TEST_F(DeliveryTest, CountsNoReleaseAgainstTheLimit) {
  Handle handle = MakeLeased({.retry = {.max_attempts = 1}});
  ASSERT_TRUE(Settle(handle, kLease, Release{}, At(2)).ok());
  EXPECT_EQ(StageOf(handle), Stage::kWaiting) << "at once, without a wait";
  Lease(handle, kLease, At(3));
  EXPECT_EQ(handle.delivery.attempts, 2u) << "but each delivery has its number";
  ASSERT_TRUE(Settle(handle, kLease, Failure{}, At(4)).ok());
  EXPECT_EQ(event().type, EventType::kFailed);
}

TEST_F(DeliveryTest, KeepsALeaseThatIsExtended) {
  Handle handle = MakeLeased();
  const auto extended = Settle(handle, kLease, Extend{Seconds(100)}, At(20));
  ASSERT_TRUE(extended.ok());
  EXPECT_EQ(SecondsOf(*extended->lease_end), 120);
  EXPECT_EQ(NextDueOf(handle), 120);
}

TEST_F(DeliveryTest, ShortensALeaseButNeverLengthensIt) {
  Handle handle = MakeLeased();
  EXPECT_FALSE(Shorten(handle, kLease + 1, ::timerd::testing::At(3), At(2)));
  EXPECT_TRUE(Shorten(handle, kLease, ::timerd::testing::At(3), At(2)));
  EXPECT_EQ(NextDueOf(handle), 3);
  EXPECT_FALSE(Shorten(handle, kLease, ::timerd::testing::At(9), At(2)));
  EXPECT_EQ(NextDueOf(handle), 3);
}

TEST_F(DeliveryTest, GivesALoopItsNextTickAfterEachSuccess) {
  Handle handle = MakeQueuedLoop(1);
  Fire(handle, At(1));
  Lease(handle, kLease, At(3.5));
  EXPECT_EQ(event().type, EventType::kTick);
  EXPECT_EQ(event().count, 3u) << "it waited over two more boundaries";
  ASSERT_TRUE(Settle(handle, kLease, Success{}, At(3.6)).ok());
  EXPECT_EQ(handle.phase, Phase::kPending);
  EXPECT_EQ(NextDueOf(handle), 4);
  EXPECT_EQ(StageOf(handle), Stage::kIdle);
}

TEST_F(DeliveryTest, QueuesTheTickThatStartingOrATriggerMakes) {
  Handle started = MakeQueuedLoop(10, /*start_now=*/true);
  EXPECT_EQ(event().type, EventType::kTick);
  EXPECT_EQ(StageOf(started), Stage::kWaiting);
  Lease(started, kLease, At(1));
  EXPECT_EQ(event_count(), 0u);
  EXPECT_EQ(started.delivery.attempts, 1u);

  Handle triggered = MakeQueuedLoop(10);
  ASSERT_TRUE(Trigger(triggered, At(2)).ok());
  EXPECT_EQ(StageOf(triggered), Stage::kWaiting);
}

TEST_F(DeliveryTest, EndsATimerAndGoesOnWithALoopWhenPurged) {
  Handle timer = MakeQueued(1);
  Fire(timer, At(1));
  Purge(timer, At(2));
  EXPECT_EQ(event().type, EventType::kCancelled);
  EXPECT_EQ(event().reason, EndReason::kPurged);

  Handle loop = MakeQueuedLoop(1);
  Fire(loop, At(1));
  Purge(loop, At(2.5));
  EXPECT_EQ(event_count(), 0u);
  EXPECT_EQ(NextDueOf(loop), 3);
  Fire(loop, At(3));
  Lease(loop, kLease, At(3));
  EXPECT_EQ(event().count, 3u) << "what was purged is told as missed";
}

TEST_F(DeliveryTest, IsOverWhenTheHandleTimesOut) {
  Handle handle = MakeLeased();
  ASSERT_TRUE(Bound(handle, Seconds(5), std::nullopt, "", At(2)).ok());
  EXPECT_EQ(Fire(handle, At(7)), Fired::kEvent);
  EXPECT_EQ(event().type, EventType::kTimedOut);
  EXPECT_THAT(Settle(handle, kLease, Success{}, At(8)), IsRefused(Reason::kNotLeased));
}

TEST_F(DeliveryTest, TakesFromTheQueueWhatTheTimerLeavesOpen) {
  Handle handle = MakeQueued(1, {.retry = {.max_attempts = 3}});
  const DeliveryPolicy queue{.lease = Seconds(7), .retry = {.factor = 5, .max_attempts = 9}};
  const DeliveryPolicy policy = PolicyOf(handle, WithDefaults(queue, kDefaultDelivery));
  EXPECT_EQ(policy.lease, Seconds(7));
  EXPECT_EQ(policy.retry.max_attempts, 3u);
  EXPECT_EQ(policy.retry.factor, 5);
  EXPECT_EQ(policy.retry.initial_backoff, Seconds(1));
}

}  // namespace
}  // namespace timerd::timer
