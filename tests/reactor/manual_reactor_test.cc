// Shards under clocks that stand still, on their thread. What Advance does to timers, in all its
// ways, is in tests/conformance/cases/contract/.
#include "server/reactor/manual_reactor.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/store/kv_shard_log.h"
#include "server/store/kv_state_store.h"
#include "server/store/memory_kv.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_time.h"

namespace timerd::reactor {
namespace {

using ::testing::ElementsAre;
using ::timerd::testing::At;
using ::timerd::testing::IsOk;
using ::timerd::testing::IsRefused;
using ::timerd::testing::Seconds;

// One shard's store and the events that come out of it.
class Side : public EventSink {
 public:
  Side(store::MemoryKv& kv, uint32_t index)
      : log(*store::KvShardLog::Open(kv, index, store::Durability::kMemory)),
        state(*store::KvStateStore::Open(kv, index)) {}

  void OnEvent(std::unique_ptr<const Notice> notice) override {
    redelivery |= notice->redelivery;
    events.push_back(absl::StrCat(notice->key, " ", timer::EventTypeName(notice->event.type), " ",
                                  (notice->event.time - At(0)).count() / 1'000'000, "ms"));
  }
  bool IsFollowed(absl::string_view) override { return false; }

  std::unique_ptr<store::ShardLog> log;
  std::unique_ptr<store::StateStore> state;
  // The reactor's thread; read once an answer has come.
  std::vector<std::string> events;
  bool redelivery = false;  // one of them was
};

// One queue with one worker, who has credit for everything.
class OneWorker : public Worker, public Queue, public QueueDirectory {
 public:
  void Deliver(Occurrence occurrence) override { delivered.push_back(std::move(occurrence)); }
  void OnLeaseOver(absl::string_view, uint64_t, bool) override {}

  std::shared_ptr<Worker> Claim(uint32_t) override { return {std::shared_ptr<void>(), this}; }
  timer::DeliveryPolicy policy() const override { return {}; }
  void Count(int, int, int, int) override {}
  absl::Status Admit(Instant, bool) override { return absl::OkStatus(); }
  void Withdraw() override {}

  std::shared_ptr<Queue> Get(absl::string_view) override { return {std::shared_ptr<void>(), this}; }
  absl::Status RefuseNew(absl::string_view) const override { return absl::OkStatus(); }

  std::vector<Occurrence> delivered;  // the reactor's thread; read once an answer has come
};

class ManualReactorTest : public ::testing::Test {
 protected:
  void Start(ManualReactorOptions options = {}) {
    reactor_ = std::make_unique<ManualReactor>(options);
  }
  // Adds shard `index`, from what `kv_` holds of it.
  CommandPort& Add(uint32_t index, QueueDirectory* queues = nullptr) {
    sides_.push_back(std::make_unique<Side>(kv_, index));
    Side& side = *sides_.back();
    const absl::StatusOr<Recovered> recovered = Recover(*side.log, *side.state);
    TIMERD_CHECK(recovered.ok());
    const Instant now = recovered->position.sequence() > 0 ? recovered->reading().now : At(0);
    return reactor_->Add({.index = index, .is_virtual = true, .queues = queues}, *recovered, now,
                         *side.log, *side.state, side);
  }

  // Posts a command and waits for its answer.
  template <typename Result, typename Command>
  static absl::StatusOr<Result> Ask(CommandPort& port, Command command) {
    std::promise<absl::StatusOr<Result>> answer;
    command.reply = [&answer](absl::StatusOr<Result> result) {
      answer.set_value(std::move(result));
    };
    port.Post(std::move(command));
    return answer.get_future().get();
  }
  static void MakeTimer(CommandPort& port, const std::string& key, double delay) {
    EXPECT_THAT(
        Ask<Opened>(port, Create{.key = key,
                                 .spec = {.kind = timer::Kind::kTimer, .span = Seconds(delay)}}),
        IsOk());
  }
  static absl::StatusOr<Advanced> Step(CommandPort& port, double by) {
    return Ask<Advanced>(port, Advance{.way = StepBy{Seconds(by)}});
  }
  static absl::StatusOr<Advanced> Jump(CommandPort& port, double by, uint64_t limit = 0) {
    return Ask<Advanced>(port, Advance{.way = JumpBy{Seconds(by), limit}});
  }
  static absl::StatusOr<Advanced> ToNext(CommandPort& port) {
    return Ask<Advanced>(port, Advance{.way = StepToNext{}});
  }
  static Instant NowOf(CommandPort& port) { return Ask<TimeRead>(port, ReadTime{})->reading.now; }

  store::MemoryKv kv_;
  std::vector<std::unique_ptr<Side>> sides_;
  std::unique_ptr<ManualReactor> reactor_;  // first to go
};

TEST_F(ManualReactorTest, HandsEventsOverBeforeItAnswers) {
  Start();
  CommandPort& port = Add(0);
  MakeTimer(port, "n/a", 1);
  MakeTimer(port, "n/b", 2);
  const auto advanced = Step(port, 5);
  ASSERT_THAT(advanced, IsOk());
  EXPECT_EQ(advanced->fired, 2u);
  EXPECT_EQ(advanced->now, At(5));
  EXPECT_THAT(sides_[0]->events, ElementsAre("n/a FIRED 1000ms", "n/b FIRED 2000ms"));
}

TEST_F(ManualReactorTest, FiresNothingByItself) {
  Start();
  CommandPort& port = Add(0);
  MakeTimer(port, "n/a", 0);
  EXPECT_EQ(NowOf(port), At(0));
  EXPECT_TRUE(sides_[0]->events.empty());
  ASSERT_THAT(Jump(port, 0), IsOk());
  EXPECT_THAT(sides_[0]->events, ElementsAre("n/a FIRED 0ms"));
}

TEST_F(ManualReactorTest, TellsNothingAsARedelivery) {
  Start();
  CommandPort& port = Add(0);
  MakeTimer(port, "n/a", 0);  // due when the shard was made
  ASSERT_THAT(Jump(port, 0), IsOk());
  EXPECT_FALSE(sides_[0]->redelivery);
  MakeTimer(port, "n/b", 1);
  reactor_.reset();
  Start();
  CommandPort& again = Add(0);
  ASSERT_THAT(Jump(again, 5), IsOk());
  EXPECT_THAT(sides_[1]->events, ElementsAre("n/b FIRED 5000ms"));
  EXPECT_FALSE(sides_[1]->redelivery);
}

TEST_F(ManualReactorTest, JumpsInPartsWithALimit) {
  Start();
  CommandPort& port = Add(0);
  for (const char* key : {"n/a", "n/b", "n/c"}) {
    MakeTimer(port, key, 1);
  }
  EXPECT_EQ(Jump(port, 3, 2)->fired, 2u);
  EXPECT_EQ(Jump(port, 0, 5)->fired, 1u);
  EXPECT_THAT(sides_[0]->events,
              ElementsAre("n/a FIRED 3000ms", "n/b FIRED 3000ms", "n/c FIRED 3000ms"));
}

TEST_F(ManualReactorTest, FindsTheNextDeadlineInMemoryAndOnDisk) {
  Start();
  CommandPort& port = Add(0);
  MakeTimer(port, "n/near", 30);
  MakeTimer(port, "n/far", 500'000);  // far beyond the window
  EXPECT_EQ(ToNext(port)->now, At(30));
  EXPECT_EQ(ToNext(port)->now, At(500'000));
  const auto none = ToNext(port);
  EXPECT_EQ(none->now, At(500'000)) << "the retention of an ended handle is no deadline";
  EXPECT_EQ(none->fired, 0u);
}

TEST_F(ManualReactorTest, StepsThroughWhatIsOnDisk) {
  Start();
  CommandPort& port = Add(0);
  for (int i = 1; i <= 2000; ++i) {
    MakeTimer(port, absl::StrCat("n/", i), 1000.0 * i);
  }
  EXPECT_EQ(Step(port, 3'000'000)->fired, 2000u);
  ASSERT_EQ(sides_[0]->events.size(), 2000u);
  EXPECT_EQ(sides_[0]->events.back(), "n/2000 FIRED 2000000000ms");
}

TEST_F(ManualReactorTest, MovesOneClockAndNoOther) {
  Start();
  CommandPort& one = Add(0);
  CommandPort& two = Add(1);
  MakeTimer(one, "a/x", 1);
  MakeTimer(two, "b/x", 1);
  ASSERT_THAT(Step(one, 10), IsOk());
  EXPECT_EQ(NowOf(one), At(10));
  EXPECT_EQ(NowOf(two), At(0));
  EXPECT_TRUE(sides_[1]->events.empty());
}

TEST_F(ManualReactorTest, ExecutesWhatIsPostedInOrderAroundAnAdvance) {
  Start();
  CommandPort& port = Add(0);
  // Posted without waiting: the timer is made before the time moves, the cancel comes after.
  std::promise<absl::StatusOr<Opened>> made;
  std::promise<absl::StatusOr<Advanced>> advanced;
  std::promise<absl::StatusOr<Cancelled>> cancelled;
  port.Post(Create{.key = "n/a",
                   .spec = {.kind = timer::Kind::kTimer, .span = Seconds(1)},
                   .reply = [&](auto result) { made.set_value(std::move(result)); }});
  port.Post(Advance{JumpBy{Seconds(1)}, [&](auto result) { advanced.set_value(result); }});
  port.Post(Cancel{"n/a", [&](auto result) { cancelled.set_value(result); }});
  EXPECT_THAT(made.get_future().get(), IsOk());
  EXPECT_EQ(advanced.get_future().get()->fired, 1u);
  EXPECT_THAT(cancelled.get_future().get(), IsRefused(Reason::kAlreadyCalled));
}

TEST_F(ManualReactorTest, KeepsItsTimeOverARestartThoughNothingElseHasChanged) {
  Start();
  ASSERT_THAT(Step(Add(0), 12.5), IsOk());
  reactor_.reset();
  Start();
  EXPECT_EQ(NowOf(Add(0)), At(12.5));
}

TEST_F(ManualReactorTest, StopsAnAdvanceThatFiresMoreThanItMay) {
  Start({.max_advance_firings = 10});
  CommandPort& port = Add(0);
  EXPECT_THAT(Ask<Opened>(port, Create{.key = "n/l",
                                       .spec = {.kind = timer::Kind::kLoop, .span = Seconds(1)}}),
              IsOk());
  EXPECT_THAT(Step(port, 100), IsRefused(Reason::kLimitExceeded));
  EXPECT_EQ(NowOf(port), At(10));
  EXPECT_EQ(sides_[0]->events.size(), 10u);
}

TEST_F(ManualReactorTest, RefusesToGoWhereSumsWouldOverflow) {
  Start();
  CommandPort& port = Add(0);
  const double century = 100.0 * 365 * 24 * 3600;
  EXPECT_THAT(Jump(port, century), IsRefused(Reason::kInvalidField));
  EXPECT_EQ(NowOf(port), At(0));
}

TEST_F(ManualReactorTest, RefusesWhatWouldCrowdItsInbox) {
  Start({.max_inbox = 1});
  CommandPort& port = Add(0);
  // Holds the thread until two have been posted behind it.
  std::promise<void> release;
  std::promise<void> held;
  port.PostAlways(reactor::Run{[&] {
    held.set_value();
    release.get_future().wait();
  }});
  held.get_future().wait();
  std::promise<absl::StatusOr<TimeRead>> first;
  std::promise<absl::StatusOr<TimeRead>> second;
  port.Post(ReadTime{[&](auto result) { first.set_value(result); }});
  port.Post(ReadTime{[&](auto result) { second.set_value(result); }});
  EXPECT_THAT(second.get_future().get(), IsRefused(Reason::kLimitExceeded));
  release.set_value();
  EXPECT_THAT(first.get_future().get(), IsOk());
}

// Taking one reads the store once all is written, and changes more then.
TEST_F(ManualReactorTest, AnswersWhoeverTakesADeadLetter) {
  OneWorker worker;
  Start();
  CommandPort& port = Add(0, &worker);
  for (const char* key : {"n/a", "n/b"}) {
    EXPECT_THAT(Ask<Opened>(port, Create{.key = key,
                                         .spec = {.kind = timer::Kind::kTimer,
                                                  .reported = true,
                                                  .span = Seconds(1),
                                                  .queue = "mail"}}),
                IsOk());
  }
  ASSERT_THAT(Step(port, 1), IsOk());
  ASSERT_EQ(worker.delivered.size(), 2u);
  for (const Occurrence& each : std::exchange(worker.delivered, {})) {
    EXPECT_THAT(
        Ask<Settled>(port, Settle{each.key, each.lease, timer::Failure{.final = true}, nullptr}),
        IsOk());
  }
  const auto letters = Ask<Letters>(port, ListLetters{.queue = "n/mail", .max = 10});
  ASSERT_THAT(letters, IsOk());
  ASSERT_EQ(letters->letters.size(), 2u);
  EXPECT_THAT(
      Ask<std::string>(port, TakeLetter{.queue = "n/mail", .letter = letters->letters[0].key}),
      IsOk());
  EXPECT_EQ(Ask<std::string>(port, TakeLetter{.queue = "n/mail",
                                              .letter = letters->letters[1].key,
                                              .replay = true,
                                              .new_key = "n/x"})
                .value(),
            "n/b");
  EXPECT_TRUE(Ask<Letters>(port, ListLetters{.queue = "n/mail", .max = 10})->letters.empty());
  reactor_.reset();  // before the worker
}

}  // namespace
}  // namespace timerd::reactor
