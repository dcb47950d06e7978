// The counts of each namespace.
#include "server/reactor/usage.h"

#include <algorithm>
#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_time.h"

namespace timerd::reactor {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Pair;
using timer::EventType;
using timer::Kind;
using ::timerd::testing::At;

timer::Event MakeEvent(EventType type) { return {.type = type}; }

timer::Event Late(Span late) {
  return {.type = EventType::kFired, .time = At(5) + late, .deadline = At(5)};
}

TEST(NamespaceUsageTest, CountsEachKindFromItsCreationToItsEnd) {
  NamespaceUsage usage;
  usage.OnCreated(Kind::kTimer);
  usage.OnCreated(Kind::kTimer);
  usage.OnCreated(Kind::kLoop);
  usage.OnCreated(Kind::kTask);
  usage.OnEvent(Kind::kLoop, MakeEvent(EventType::kTick), /*end=*/false);
  usage.OnEvent(Kind::kTimer, MakeEvent(EventType::kFired), /*end=*/true);
  usage.OnEvent(Kind::kTask, MakeEvent(EventType::kCompleted), /*end=*/true);
  EXPECT_THAT(usage.Read().live, ElementsAre(1, 1, 0));
  EXPECT_THAT(usage.Read().created, ElementsAre(2, 1, 1));
  EXPECT_EQ(usage.live(), 2);
}

TEST(NamespaceUsageTest, AddsWhatWasThereBefore) {
  NamespaceUsage usage;
  usage.OnCreated(Kind::kTimer);
  usage.OnFound(Kind::kTimer, 3);
  usage.OnFound(Kind::kLoop, 2);
  EXPECT_THAT(usage.Read().live, ElementsAre(4, 2, 0));
  EXPECT_THAT(usage.Read().created, ElementsAre(1, 0, 0));
  EXPECT_EQ(usage.live(), 6);
}

TEST(NamespaceUsageTest, RefusesTheHandlePastTheLimitAndTakesItWhenOneHasEnded) {
  NamespaceUsage usage;
  EXPECT_TRUE(usage.TryCreate(Kind::kTimer, 2));
  EXPECT_TRUE(usage.TryCreate(Kind::kLoop, 2));
  EXPECT_FALSE(usage.TryCreate(Kind::kTask, 2));
  EXPECT_THAT(usage.Read().live, ElementsAre(1, 1, 0));
  EXPECT_THAT(usage.Read().created, ElementsAre(1, 1, 0));
  usage.OnEvent(Kind::kTimer, MakeEvent(EventType::kCancelled), /*end=*/true);
  EXPECT_TRUE(usage.TryCreate(Kind::kTask, 2));
  EXPECT_FALSE(usage.TryCreate(Kind::kTask, 2));
  EXPECT_EQ(usage.live(), 2);
}

TEST(NamespaceUsageTest, NeverExceedsTheLimitHoweverManyAskAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kTries = 100'000;
  constexpr int64_t kLimit = 3;
  NamespaceUsage usage;
  std::latch begin(kThreads);  // together, or the first is done before the last has begun
  std::atomic<int64_t> held{0};
  std::atomic<int64_t> most{0};
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      begin.arrive_and_wait();
      for (int i = 0; i < kTries; ++i) {
        if (usage.TryCreate(Kind::kTimer, kLimit)) {
          const int64_t now = ++held;
          for (int64_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
          }
          ++taken;
          --held;
          usage.OnEvent(Kind::kTimer, MakeEvent(EventType::kCancelled), /*end=*/true);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_GE(taken, kTries);
  EXPECT_LE(most, kLimit);
  EXPECT_EQ(usage.live(), 0);
  EXPECT_EQ(usage.Read().created[0], static_cast<uint64_t>(taken));
}

TEST(NamespaceUsageTest, CountsEventsByType) {
  NamespaceUsage usage;
  for (size_t type = 0; type < kEventTypes; ++type) {
    for (size_t i = 0; i <= type; ++i) {
      usage.OnEvent(Kind::kLoop, MakeEvent(static_cast<EventType>(type)), /*end=*/false);
    }
  }
  EXPECT_THAT(usage.Read().events, ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST(NamespaceUsageTest, PutsLatenessIntoTheBucketWhoseBoundItDoesNotExceed) {
  for (size_t i = 0; i < NamespaceUsage::kLatenessBounds.size(); ++i) {
    NamespaceUsage usage;
    const Span bound = NamespaceUsage::kLatenessBounds[i];
    usage.OnEvent(Kind::kTimer, Late(bound), true);
    EXPECT_EQ(usage.Read().lateness[i], 1u) << bound.count();
    usage.OnEvent(Kind::kTimer, Late(bound + Span(1)), true);
    EXPECT_EQ(usage.Read().lateness[i], 1u) << bound.count();
    EXPECT_EQ(usage.Read().lateness[i + 1], 1u) << bound.count();
  }
  EXPECT_TRUE(std::is_sorted(NamespaceUsage::kLatenessBounds.begin(),
                             NamespaceUsage::kLatenessBounds.end()));
}

TEST(NamespaceUsageTest, AddsLatenessUp) {
  NamespaceUsage usage;
  usage.OnEvent(Kind::kTimer, Late(Span(0)), true);
  usage.OnEvent(Kind::kTimer, Late(std::chrono::microseconds(1500)), true);
  usage.OnEvent(Kind::kTimer, Late(std::chrono::hours(24 * 365)), true);
  EXPECT_EQ(usage.Read().lateness_sum,
            std::chrono::hours(24 * 365) + std::chrono::microseconds(1500));
}

// Of a Cancel, say, or the first TICK of a loop that starts now.
TEST(NamespaceUsageTest, FindsNoLatenessWhereNoDeadlineFired) {
  NamespaceUsage usage;
  usage.OnEvent(Kind::kTimer, MakeEvent(EventType::kCancelled), true);
  EXPECT_THAT(usage.Read().lateness, Each(0));
}

TEST(UsageRegistryTest, GivesTheSameUsageForTheSameName) {
  UsageRegistry registry(1000);
  NamespaceUsage* const first = registry.Get("b");
  ASSERT_NE(first, nullptr);
  for (int i = 0; i < 500; ++i) {
    ASSERT_NE(registry.Get(absl::StrCat("other", i)), first);
  }
  EXPECT_EQ(registry.Get("b"), first);
}

TEST(UsageRegistryTest, ListsNamespacesInTheOrderOfTheirNames) {
  UsageRegistry registry(3);
  NamespaceUsage* const b = registry.Get("b");
  NamespaceUsage* const none = registry.Get("");
  NamespaceUsage* const a = registry.Get("a");
  EXPECT_THAT(registry.All(), ElementsAre(Pair("", none), Pair("a", a), Pair("b", b)));
}

TEST(UsageRegistryTest, TakesAsManyNamespacesAsItMayAndKnowsThemOn) {
  UsageRegistry registry(2);
  NamespaceUsage* const a = registry.Get("a");
  EXPECT_NE(registry.Get("b"), nullptr);
  EXPECT_EQ(registry.Get("c"), nullptr);
  EXPECT_EQ(registry.Get("a"), a);
  EXPECT_EQ(registry.All().size(), 2u);
}

}  // namespace
}  // namespace timerd::reactor
