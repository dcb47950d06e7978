#include "server/delivery/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <map>
#include <thread>

#include "server/delivery/queue_directory.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_time.h"

namespace timerd::delivery {
namespace {

using ::timerd::testing::At;
using ::timerd::testing::IsOk;
using ::timerd::testing::IsRefused;

class Nobody final : public reactor::Worker {
 public:
  void Deliver(reactor::Occurrence) override {}
  void OnLeaseOver(absl::string_view, uint64_t, bool) override {}
};

class WorkQueueTest : public ::testing::Test {
 protected:
  std::shared_ptr<WorkQueue::Member> Join(uint32_t credit) {
    workers_.push_back(std::make_shared<Nobody>());
    return queue_.Join(workers_.back(), {.name = "w", .credit = credit});
  }
  // Which worker is next; -1 if none.
  int Claim(uint32_t shard = 0) {
    const std::shared_ptr<reactor::Worker> worker = queue_.Claim(shard);
    for (size_t i = 0; i < workers_.size(); ++i) {
      if (workers_[i] == worker) {
        return static_cast<int>(i);
      }
    }
    return -1;
  }

  std::vector<uint32_t> woken_;
  WorkQueue queue_{"default/mail",
                   {.max_backlog = 3, .max_pending = 4},
                   [this](const std::string&, uint32_t shard) { woken_.push_back(shard); }};
  std::vector<std::shared_ptr<Nobody>> workers_;
};

TEST_F(WorkQueueTest, GivesWorkersTheirTurnsWhileTheyHaveCredit) {
  const auto first = Join(3);
  const auto second = Join(1);
  EXPECT_EQ(Claim(), 0);
  EXPECT_EQ(Claim(), 1);
  EXPECT_EQ(Claim(), 0);
  EXPECT_EQ(Claim(), 0);
  EXPECT_EQ(Claim(), -1);
}

TEST_F(WorkQueueTest, WakesTheShardsThatFoundNobodyOnce) {
  EXPECT_EQ(Claim(4), -1);
  EXPECT_EQ(Claim(7), -1);
  EXPECT_TRUE(woken_.empty());
  const auto member = Join(1);
  EXPECT_EQ(woken_.size(), 2u);
  EXPECT_EQ(Claim(4), 0);
  EXPECT_EQ(Claim(7), -1);
  woken_.clear();
  queue_.Free(*member);
  EXPECT_EQ(woken_, std::vector<uint32_t>{7});
}

TEST_F(WorkQueueTest, GivesNothingWhilePaused) {
  const auto member = Join(1);
  queue_.Configure({.paused = true});
  EXPECT_EQ(Claim(2), -1);
  queue_.Configure({.paused = false});
  EXPECT_EQ(woken_, std::vector<uint32_t>{2});
  EXPECT_EQ(Claim(2), 0);
}

TEST_F(WorkQueueTest, GivesNothingToOneThatIsHeldRetiredOrGone) {
  const auto held = Join(5);
  const auto retired = Join(5);
  const auto gone = Join(5);
  queue_.Hold(*held, true);
  queue_.Retire(*retired);
  queue_.Leave(*gone);
  EXPECT_EQ(Claim(), -1);
  queue_.Hold(*held, false);
  EXPECT_EQ(Claim(), 0);
  EXPECT_EQ(queue_.Members().size(), 2u);
}

TEST_F(WorkQueueTest, TakesAChangeOfCredit) {
  const auto member = Join(1);
  EXPECT_EQ(Claim(), 0);
  queue_.SetCredit(*member, 2);
  EXPECT_EQ(Claim(), 0);
  EXPECT_EQ(Claim(), -1);
  queue_.SetCredit(*member, 1);
  queue_.Free(*member);
  EXPECT_EQ(Claim(), -1) << "one is still out";
  queue_.Free(*member);
  EXPECT_EQ(Claim(), 0);
}

TEST_F(WorkQueueTest, AdmitsUpToItsBacklog) {
  queue_.Count(0, 2, 0, 0);
  EXPECT_THAT(queue_.Admit(At(0), false), IsOk());
  queue_.Count(0, 1, 0, 0);
  const absl::Status refused = queue_.Admit(At(0), false);
  EXPECT_THAT(refused, IsRefused(Reason::kLimitExceeded));
  EXPECT_EQ(LimitOf(refused), "max-backlog");
  EXPECT_EQ(RetryDelayOf(refused), kRetryLater);
  queue_.Configure({.max_backlog = 4});
  EXPECT_THAT(queue_.Admit(At(0), false), IsOk());
}

TEST_F(WorkQueueTest, AdmitsAndCountsUpToSoManyThatAreNotDue) {
  queue_.Count(2, 0, 0, 0);
  EXPECT_THAT(queue_.Admit(At(0), false), IsOk());
  EXPECT_THAT(queue_.Admit(At(0), false), IsOk());
  EXPECT_EQ(queue_.counts().scheduled, 4);
  const absl::Status refused = queue_.Admit(At(0), false);
  EXPECT_THAT(refused, IsRefused(Reason::kLimitExceeded));
  EXPECT_EQ(LimitOf(refused), "max-pending-per-queue");
  EXPECT_EQ(RetryDelayOf(refused), kRetryLater);
  EXPECT_EQ(queue_.counts().scheduled, 4);
  queue_.Withdraw();
  EXPECT_THAT(queue_.Admit(At(0), false), IsOk());
  queue_.Configure({.max_pending = 5});
  EXPECT_THAT(queue_.Admit(At(0), false), IsOk());
  EXPECT_THAT(queue_.Admit(At(0), false), IsRefused(Reason::kLimitExceeded));
}

TEST_F(WorkQueueTest, AdmitsOneInPlaceOfOneThatIsNotDueThoughItIsFull) {
  queue_.Count(4, 0, 0, 0);
  EXPECT_THAT(queue_.Admit(At(0), /*in_place=*/true), IsOk());
  EXPECT_EQ(queue_.counts().scheduled, 5) << "until the other has gone";
}

TEST_F(WorkQueueTest, AdmitsSoManyASecondAndSaysWhenThereIsRoom) {
  queue_.Configure({.max_pending = 100, .max_rate = 2});
  EXPECT_THAT(queue_.Admit(At(0), false), IsOk());
  EXPECT_THAT(queue_.Admit(At(0), true), IsOk());
  const absl::Status refused = queue_.Admit(At(0.1), true);
  EXPECT_THAT(refused, IsRefused(Reason::kLimitExceeded));
  EXPECT_EQ(LimitOf(refused), "max-rate-per-queue");
  EXPECT_EQ(RetryDelayOf(refused), std::chrono::milliseconds(400));
  EXPECT_EQ(queue_.counts().scheduled, 2);
  EXPECT_THAT(queue_.Admit(At(0.5), false), IsOk());
}

TEST_F(WorkQueueTest, CountsWhatIsRefusedOrWithdrawnAgainstNoRate) {
  queue_.Configure({.max_pending = 1, .max_rate = 2});
  EXPECT_THAT(queue_.Admit(At(0), false), IsOk());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(LimitOf(queue_.Admit(At(0), false)), "max-pending-per-queue");
  }
  queue_.Withdraw();
  EXPECT_THAT(queue_.Admit(At(0), false), IsOk());
  queue_.Configure({.max_pending = 100, .max_rate = 2});
  EXPECT_THAT(queue_.Admit(At(0), false), IsOk());
  EXPECT_EQ(LimitOf(queue_.Admit(At(0), false)), "max-rate-per-queue");
}

TEST(WorkQueueLimitsTest, HoldHoweverManyShardsAskAtOnce) {
  constexpr int kShards = 4;
  constexpr int kTries = 100'000;
  WorkQueue queue("default/mail", {.max_pending = 1}, [](const std::string&, uint32_t) {});
  std::latch begin(kShards);  // together, or the first is done before the last has begun
  std::atomic<int> held{0};
  std::atomic<int> most{0};
  std::atomic<int> admitted{0};
  std::vector<std::thread> shards;
  for (int shard = 0; shard < kShards; ++shard) {
    shards.emplace_back([&] {
      begin.arrive_and_wait();
      for (int i = 0; i < kTries; ++i) {
        if (queue.Admit(At(0), false).ok()) {
          const int now = ++held;
          for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
          }
          ++admitted;
          --held;
          queue.Count(-1, 0, 0, 0);
        }
      }
    });
  }
  for (std::thread& shard : shards) {
    shard.join();
  }
  EXPECT_GT(admitted, 0);
  EXPECT_EQ(most, 1);
  EXPECT_EQ(queue.counts().scheduled, 0);
}

TEST(QueueDirectoryTest, MakesQueuesUpToItsLimitAndListsThemByName) {
  QueueDirectory directory({.max_queues = 3}, [](const std::string&, uint32_t) {});
  EXPECT_EQ(directory.Find("a/two"), nullptr);
  const auto two = directory.FindOrMake("a/two");
  EXPECT_EQ(directory.FindOrMake("a/two"), two);
  directory.FindOrMake("a/one");
  directory.FindOrMake("b/one");
  EXPECT_EQ(directory.FindOrMake("a/three"), nullptr);
  const auto all = directory.List("a", "", 10);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]->name(), "a/one");
  EXPECT_EQ(directory.List("a", "one", 10).size(), 1u);
  EXPECT_EQ(directory.List("a", "", 1).size(), 1u);
}

}  // namespace
}  // namespace timerd::delivery
