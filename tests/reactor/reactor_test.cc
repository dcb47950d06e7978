// A shard on its threads, under the real clock. Everything waited for has a generous deadline, and
// nothing is slept for.
#include "server/reactor/reactor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/handle_key.h"
#include "server/reactor/recovery.h"
#include "server/store/kv_shard_log.h"
#include "server/store/kv_state_store.h"
#include "server/store/memory_kv.h"
#include "tests/support/status_matchers.h"

namespace timerd::reactor {
namespace {

using ::timerd::testing::IsOk;
using ::timerd::testing::IsRefused;

constexpr auto kPatience = std::chrono::seconds(60);

// A door that a test opens for another thread.
class Gate {
 public:
  void Open() { promise_.set_value(); }
  bool WaitUntilOpen() { return future_.wait_for(kPatience) == std::future_status::ready; }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future().share();
};

// A log whose first append goes through only when the test lets it.
class GatedLog final : public store::ShardLog {
 public:
  explicit GatedLog(std::unique_ptr<store::ShardLog> log) : log_(std::move(log)) {}

  absl::Status Append(const store::Frame& frame) override {
    if (gated && operations.empty()) {
      entered.Open();
      EXPECT_TRUE(pass.WaitUntilOpen());
    }
    operations.push_back(frame.operations_size());
    moved.push_back(static_cast<int>(
        std::count_if(frame.operations().begin(), frame.operations().end(),
                      [](const auto& each) { return each.has_put() && !each.put().has_spec(); })));
    return log_->Append(frame);
  }
  absl::Status Read(uint64_t from,
                    absl::FunctionRef<absl::Status(const store::Frame&)> visit) override {
    return log_->Read(from, visit);
  }
  absl::Status Trim(uint64_t through) override {
    trimmed = through;
    return log_->Trim(through);
  }

  bool gated = false;
  Gate entered;
  Gate pass;
  // To be read when the reactor is gone.
  std::vector<int> operations;
  std::vector<int> moved;  // of those, of handles that the store has already
  uint64_t trimmed = 0;

 private:
  std::unique_ptr<store::ShardLog> log_;
};

class ReactorTest : public ::testing::Test, protected EventSink {
 protected:
  void Start() {
    auto log = store::KvShardLog::Open(kv_, 0, store::Durability::kMemory);
    auto state = store::KvStateStore::Open(kv_, 0);
    ASSERT_THAT(log, IsOk());
    ASSERT_THAT(state, IsOk());
    const bool gated = log_ != nullptr && log_->gated;
    log_ = std::make_unique<GatedLog>(*std::move(log));
    log_->gated = gated || gated_;
    state_ = *std::move(state);
    const auto recovered = Recover(*log_, *state_);
    ASSERT_THAT(recovered, IsOk());
    EventSink& sink = *this;
    reactor_ = std::make_unique<Reactor>(options_, *recovered, clock_, *log_, *state_, sink);
  }

  std::future<absl::StatusOr<Opened>> Create(const std::string& id, Span delay) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<Opened>>>();
    auto future = promise->get_future();
    reactor_->Post(reactor::Create{.key = HandleKey(kDefaultNamespace, id),
                                   .spec = {.kind = timer::Kind::kTimer, .span = delay},
                                   .reply = [promise](absl::StatusOr<Opened> opened) {
                                     promise->set_value(std::move(opened));
                                   }});
    return future;
  }
  std::future<absl::StatusOr<Got>> Get(const std::string& id) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<Got>>>();
    auto future = promise->get_future();
    reactor_->Post(
        reactor::Get{HandleKey(kDefaultNamespace, id),
                     [promise](absl::StatusOr<Got> got) { promise->set_value(std::move(got)); }});
    return future;
  }
  template <typename T>
  static bool IsReady(const std::future<T>& future) {
    return future.wait_for(kPatience) == std::future_status::ready;
  }

  void OnEvent(std::unique_ptr<const Notice> notice) override {
    notices_.push_back(*notice);
    if (notices_.size() == await_events_) {
      told_.Open();
    }
  }

  bool IsFollowed(absl::string_view) override { return false; }

  ReactorOptions options_;
  bool gated_ = false;
  store::MemoryKv kv_;
  const clock::RealClock clock_{InstantFromNanos(clock::RealClock::UnixNow())};
  std::unique_ptr<GatedLog> log_;
  std::unique_ptr<store::KvStateStore> state_;
  size_t await_events_ = 0;  // at which told_ opens
  Gate told_;
  std::vector<Notice> notices_;  // reactor's thread; the test's when told_ is open
  std::unique_ptr<Reactor> reactor_;
};

TEST_F(ReactorTest, AnswersAndFiresNeverEarly) {
  await_events_ = 2;
  Start();
  auto second = Create("second", std::chrono::milliseconds(30));
  auto first = Create("first", std::chrono::milliseconds(10));
  ASSERT_TRUE(IsReady(first));
  const absl::StatusOr<Opened> opened = first.get();
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(*opened->deadline - opened->now, std::chrono::milliseconds(10));
  ASSERT_TRUE(told_.WaitUntilOpen());
  reactor_.reset();
  ASSERT_EQ(notices_.size(), 2u);
  EXPECT_EQ(notices_[0].key, "default/first");
  EXPECT_EQ(notices_[1].key, "default/second");
  for (const Notice& notice : notices_) {
    EXPECT_GE(notice.event.time, *notice.event.deadline);
  }
}

TEST_F(ReactorTest, WritesWhatGathersMeanwhileInOneFrame) {
  gated_ = true;
  Start();
  Create("first", std::chrono::hours(1));
  ASSERT_TRUE(log_->entered.WaitUntilOpen());
  std::vector<std::future<absl::StatusOr<Opened>>> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(Create(absl::StrCat("t", i), std::chrono::hours(1)));
  }
  Gate executed;
  reactor_->PostAlways(reactor::Run{[&executed] { executed.Open(); }});
  ASSERT_TRUE(executed.WaitUntilOpen());
  for (const auto& answer : answers) {
    EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  }
  log_->pass.Open();
  for (auto& answer : answers) {
    ASSERT_TRUE(IsReady(answer));
    EXPECT_THAT(answer.get(), IsOk());
  }
  reactor_.reset();
  EXPECT_EQ(log_->operations, (std::vector<int>{1, 50}));
}

TEST_F(ReactorTest, TakesABoundedNumberOfDeadlinesIntoAFrame) {
  constexpr int kTimers = 3000;
  gated_ = true;
  await_events_ = kTimers;
  Start();
  Create("first", std::chrono::hours(1));
  ASSERT_TRUE(log_->entered.WaitUntilOpen());
  for (int i = 0; i < kTimers; ++i) {
    Create(absl::StrCat("t", i), Span(0));
  }
  log_->pass.Open();
  ASSERT_TRUE(told_.WaitUntilOpen());
  reactor_.reset();
  EXPECT_LE(*std::max_element(log_->moved.begin(), log_->moved.end()), 512);
  EXPECT_GT(std::accumulate(log_->moved.begin(), log_->moved.end(), 0), 512);
}

TEST_F(ReactorTest, LetsOthersPassManyWorkers) {
  constexpr int kSettlements = 10'000;
  gated_ = true;
  Start();
  Create("first", std::chrono::hours(1));
  ASSERT_TRUE(log_->entered.WaitUntilOpen());
  std::atomic<int> settled = 0;
  for (int i = 0; i < kSettlements; ++i) {
    reactor_->Post(reactor::Settle{.key = HandleKey(kDefaultNamespace, "none"),
                                   .reply = [&settled](const absl::StatusOr<Settled>& answer) {
                                     EXPECT_THAT(answer, IsRefused(Reason::kUnknownId));
                                     ++settled;
                                   }});
  }
  int settled_before = kSettlements;
  Gate answered;
  reactor::Get late{HandleKey(kDefaultNamespace, "first"), [&](const absl::StatusOr<Got>& got) {
                      EXPECT_THAT(got, IsOk());
                      settled_before = settled;
                      answered.Open();
                    }};
  reactor_->Post(std::move(late));
  log_->pass.Open();
  ASSERT_TRUE(answered.WaitUntilOpen());
  EXPECT_LT(settled_before, kSettlements);
  reactor_.reset();
  EXPECT_EQ(settled, kSettlements) << "and all are answered";
}

TEST_F(ReactorTest, RefusesWhatComesAboveMaxInboxOnTheCallersThread) {
  options_.max_inbox = 3;
  Start();
  Gate busy;
  Gate go_on;
  reactor_->PostAlways(reactor::Run{[&] {
    busy.Open();
    EXPECT_TRUE(go_on.WaitUntilOpen());
  }});
  ASSERT_TRUE(busy.WaitUntilOpen());
  std::vector<std::future<absl::StatusOr<Got>>> answers;
  for (int i = 0; i < 3; ++i) {
    answers.push_back(Get("none"));
  }
  std::thread::id refused_on;
  absl::Status refusal;
  reactor_->Post(reactor::Get{"none", [&](absl::StatusOr<Got> got) {
                                refused_on = std::this_thread::get_id();
                                refusal = got.status();
                              }});
  EXPECT_EQ(refused_on, std::this_thread::get_id());
  EXPECT_THAT(refusal, IsRefused(Reason::kLimitExceeded));
  EXPECT_EQ(refusal.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailOf(refusal), "max-inbox");
  bool ran = false;
  reactor_->PostAlways(reactor::Run{[&ran] { ran = true; }});  // is not counted out
  go_on.Open();
  for (auto& answer : answers) {
    ASSERT_TRUE(IsReady(answer));
    EXPECT_THAT(answer.get(), IsRefused(Reason::kUnknownId));
  }
  reactor_.reset();
  EXPECT_TRUE(ran);
}

TEST_F(ReactorTest, TellsItsLoad) {
  Start();
  Gate busy;
  Gate go_on;
  reactor_->PostAlways(reactor::Run{[&] {
    busy.Open();
    EXPECT_TRUE(go_on.WaitUntilOpen());
  }});
  ASSERT_TRUE(busy.WaitUntilOpen());
  std::vector<std::future<absl::StatusOr<Opened>>> answers;
  for (int i = 0; i < 3; ++i) {
    answers.push_back(Create(absl::StrCat("t", i), std::chrono::minutes(1)));
  }
  EXPECT_EQ(reactor_->load().inbox, 3u);
  EXPECT_EQ(reactor_->load().inbox_most, 3u);
  EXPECT_EQ(reactor_->load().residents, 0u);
  go_on.Open();
  for (auto& answer : answers) {
    ASSERT_TRUE(IsReady(answer));
  }
  // The turn that gave the answers has ended once the next one has begun.
  ASSERT_TRUE(IsReady(Get("t0")));
  EXPECT_EQ(reactor_->load().inbox, 0u);
  EXPECT_EQ(reactor_->load().inbox_most, 3u);
  EXPECT_EQ(reactor_->load().residents, 3u);
}

TEST_F(ReactorTest, GivesEveryReplyAndWritesEverythingDownBeforeItIsGone) {
  Start();
  std::vector<std::future<absl::StatusOr<Opened>>> answers;
  for (int i = 0; i < 500; ++i) {
    answers.push_back(Create(absl::StrCat("t", i), std::chrono::hours(1)));
  }
  reactor_.reset();
  for (auto& answer : answers) {
    ASSERT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    EXPECT_THAT(answer.get(), IsOk());
  }
  Start();
  for (int i = 0; i < 500; ++i) {
    auto got = Get(absl::StrCat("t", i));
    ASSERT_TRUE(IsReady(got));
    EXPECT_THAT(got.get(), IsOk());
  }
}

TEST_F(ReactorTest, TrimsOffTheLogWhatIsApplied) {
  Start();
  for (int i = 0; i < 20; ++i) {
    auto answer = Create(absl::StrCat("t", i), std::chrono::hours(1));
    ASSERT_TRUE(IsReady(answer));
  }
  reactor_.reset();
  const auto position = state_->position();
  ASSERT_THAT(position, IsOk());
  EXPECT_EQ(log_->trimmed, position->sequence());
}

TEST_F(ReactorTest, TakesCommandsFromManyThreadsAndAnswersEachOnce) {
  Start();
  std::atomic<int> answered{0};
  {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([this, thread, &answered] {
        for (int i = 0; i < 200; ++i) {
          reactor_->Post(reactor::Create{.key = absl::StrCat(thread, "/", i),
                                         .spec = {.kind = timer::Kind::kTimer, .span = Span(0)},
                                         .reply = [&answered](absl::StatusOr<Opened> opened) {
                                           EXPECT_THAT(opened, IsOk());
                                           ++answered;
                                         }});
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  reactor_.reset();
  EXPECT_EQ(answered.load(), 800);
}

TEST_F(ReactorTest, ShowsNoCommandWhatCameDueWhileItWasNotThereAsPending) {
  Start();
  auto created = Create("a", std::chrono::milliseconds(1));
  ASSERT_TRUE(IsReady(created));
  const Instant deadline = *created.get()->deadline;
  reactor_.reset();
  while (clock_.Read().now < deadline + kTickDuration) {
  }
  Start();
  auto got = Get("a");
  ASSERT_TRUE(IsReady(got));
  EXPECT_EQ(got.get()->handle.phase, timer::Phase::kEnded);
}

}  // namespace
}  // namespace timerd::reactor
