// What lives in each namespace of a shard.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

using timer::Kind;

class ShardNamespacesTest : public ShardTest {
 protected:
  ShardNamespacesTest() { Start(); }

  static timer::Spec Timer(double delay) { return {.kind = Kind::kTimer, .span = Seconds(delay)}; }
  // "default: 1 timers, 0 loops, 2 tasks", as a restart finds it.
  std::vector<std::string> CountsOnDisk() {
    Commit();
    std::vector<std::string> counts;
    const auto stored = state_->namespaces();
    EXPECT_THAT(stored, IsOk());
    for (const store::NamespaceCount& count : *stored) {
      counts.push_back(
          absl::StrCat(count.name(), ": ", count.timers(), " ", count.loops(), " ", count.tasks()));
    }
    return counts;
  }
};

TEST_F(ShardNamespacesTest, CountsWhatLivesOverARestart) {
  CreateKey("a/1", Timer(5));
  CreateKey("a/2", {.kind = Kind::kTask, .reported = true, .span = Seconds(50)});
  CreateKey("b/1", {.kind = Kind::kLoop, .reported = true, .span = Seconds(5)});
  CreateKey("b/2", Timer(5));
  Settle();
  EXPECT_THAT(CountsOnDisk(), ElementsAre("a: 1 0 1", "b: 1 1 0"));
  Start(1);
  EXPECT_THAT(CountsOnDisk(), ElementsAre("a: 1 0 1", "b: 1 1 0"));
  SettleAt(5);
  EXPECT_THAT(CountsOnDisk(), ElementsAre("a: 0 0 1", "b: 0 1 0"));
  SettleAt(50);
  shard_->Execute(reactor::Cancel{"b/1", [](absl::StatusOr<Cancelled>) {}});
  EXPECT_THAT(CountsOnDisk(), ElementsAre("a: 0 0 0", "b: 0 0 0"));
}

TEST_F(ShardNamespacesTest, CountsOneThatIsReplacedByAnotherKindOnce) {
  CreateTimer("a", 5);
  Settle();
  CreateKey(Key("a"), {.kind = Kind::kLoop, .reported = true, .span = Seconds(5)},
            /*replace=*/true);
  EXPECT_THAT(CountsOnDisk(), ElementsAre("default: 0 1 0"));
  Cancel("a");
  CreateKey(Key("a"), Timer(9), /*replace=*/true);
  EXPECT_THAT(CountsOnDisk(), ElementsAre("default: 1 0 0"));
}

TEST_F(ShardNamespacesTest, CountsNothingThatBeginsAndEndsAtOnce) {
  timer::Spec spec{.kind = Kind::kLoop, .span = Seconds(5), .start_now = true};
  spec.loop.Edit().max_runs = 1;
  Create("a", spec);
  EXPECT_THAT(CountsOnDisk(), ElementsAre("default: 0 0 0"));
}

TEST_F(ShardNamespacesTest, KeepsTheSameIdOfTwoNamespacesApart) {
  const auto a = CreateKey("a/x", Timer(5));
  const auto b = CreateKey("b/x", Timer(6));
  Settle();
  EXPECT_FALSE((**b)->existed);
  shard_->Execute(reactor::Cancel{"a/x", [](absl::StatusOr<Cancelled>) {}});
  Settle();
  TakeOutputs();
  SettleAt(6);
  EXPECT_THAT(TakeOutputs(), ElementsAre("b/x FIRED 1"));
}

TEST_F(ShardNamespacesTest, RefusesOneTooManyAndKeepsNothingOfIt) {
  UsageRegistry usage(/*max_namespaces=*/1);
  options_.usage = &usage;
  Start();
  const auto made = CreateKey("a/1", Timer(5));
  const auto refused = CreateKey("b/1", Timer(5));
  const auto again = CreateKey("b/1", Timer(5));
  Settle();
  EXPECT_THAT(**made, IsOk());
  EXPECT_THAT((*refused)->status(), IsRefused(Reason::kLimitExceeded));
  EXPECT_THAT((*again)->status(), IsRefused(Reason::kLimitExceeded));
  EXPECT_THAT(CountsOnDisk(), ElementsAre("a: 1 0 0"));
  shard_.reset();  // before what it counts in
}

class ShardRateTest : public ShardNamespacesTest {
 protected:
  ShardRateTest() {
    options_.usage = &usage_;
    options_.namespaces.max_rate = 2;
    Start();
  }
  ~ShardRateTest() override { shard_.reset(); }  // before what it counts in

  absl::Status Make(const std::string& key, bool replace = false, double delay = 50) {
    const auto made = CreateKey(key, Timer(delay), replace);
    Settle();
    return (*made)->status();
  }

  UsageRegistry usage_{/*max_namespaces=*/10};
};

TEST_F(ShardRateTest, RefusesNewHandlesAboveTheRateAndSaysWhenThereIsRoom) {
  EXPECT_THAT(Make("a/1"), IsOk());
  EXPECT_THAT(Make("a/2"), IsOk());
  SettleAt(0.1);
  const absl::Status refused = Make("a/3");
  EXPECT_THAT(refused, IsRefused(Reason::kLimitExceeded));
  EXPECT_EQ(LimitOf(refused), "max-rate-per-namespace");
  EXPECT_EQ(RetryDelayOf(refused), std::chrono::milliseconds(400));
  EXPECT_THAT(Make("b/1"), IsOk()) << "a namespace at its rate stands in the way of another";
  SettleAt(0.5);
  EXPECT_THAT(Make("a/3"), IsOk());
  EXPECT_THAT(Make("a/4"), IsRefused(Reason::kLimitExceeded));
  EXPECT_THAT(CountsOnDisk(), ElementsAre("a: 3 0 0", "b: 1 0 0"));
}

TEST_F(ShardRateTest, CountsNoRequestThatMakesNothing) {
  EXPECT_THAT(Make("a/1"), IsOk());
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(Make("a/1"), IsOk()) << "the same request again";
    EXPECT_THAT(Make("a/1", /*replace=*/false, 60), IsRefused(Reason::kIdInUse));
  }
  EXPECT_THAT(Make("a/2"), IsOk());
  EXPECT_THAT(Make("a/3"), IsRefused(Reason::kLimitExceeded));
  EXPECT_THAT(Make("a/1"), IsOk()) << "the same request again, at the rate";
}

TEST_F(ShardRateTest, CountsOneThatReplacesAnother) {
  EXPECT_THAT(Make("a/1"), IsOk());
  EXPECT_THAT(Make("a/1", /*replace=*/true, 60), IsOk());
  EXPECT_EQ(LimitOf(Make("a/1", /*replace=*/true, 70)), "max-rate-per-namespace");
  EXPECT_THAT(CountsOnDisk(), ElementsAre("a: 1 0 0"));
  EXPECT_EQ(usage_.Get("a")->live(), 1);
}

TEST_F(ShardRateTest, CountsNoneThatThereIsNoRoomFor) {
  options_.namespaces.max_handles = 1;
  Start();
  EXPECT_THAT(Make("a/1"), IsOk());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(LimitOf(Make("a/2")), "max-handles");
  }
  shard_->Execute(reactor::Cancel{"a/1", [](absl::StatusOr<Cancelled>) {}});
  EXPECT_THAT(Make("a/2"), IsOk());
}

}  // namespace
}  // namespace timerd::reactor
