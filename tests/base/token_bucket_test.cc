#include "server/base/token_bucket.h"

#include <atomic>
#include <chrono>
#include <latch>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/test_time.h"

namespace timerd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::timerd::testing::At;

bool Takes(TokenBucket& bucket, Instant now, const Rate& rate) {
  return bucket.Take(now, rate) == Span::zero();
}

// Takes all that it can from `from` to `until`, a millisecond at a time.
int TakeAll(TokenBucket& bucket, const Rate& rate, Instant from, Instant until) {
  int taken = 0;
  for (Instant now = from; now < until; now += milliseconds(1)) {
    while (taken < 10'000'000 && Takes(bucket, now, rate)) {
      ++taken;
    }
  }
  return taken;
}

TEST(TokenBucketTest, GivesAsManyASecondAsItShould) {
  for (const double per_second : {1.0, 3.0, 50.0, 1000.0, 1e6}) {
    const Rate rate = Rate::PerSecond(per_second, milliseconds(10));
    TokenBucket bucket;
    const double least = per_second / 100 + 1;
    EXPECT_NEAR(TakeAll(bucket, rate, At(0), At(1)), per_second, least) << per_second;
    EXPECT_NEAR(TakeAll(bucket, rate, At(1), At(2)), per_second, least) << per_second;
  }
}

TEST(TokenBucketTest, GivesAtOnceExactlyWhatFitsIntoIt) {
  for (const double per_second : {1.0, 3.0, 7.0, 50.0, 999.0, 12345.0}) {
    const Rate rate = Rate::PerSecond(per_second, seconds(1));
    TokenBucket bucket;
    EXPECT_EQ(TakeAll(bucket, rate, At(5), At(5) + Span(1)), per_second);
    EXPECT_EQ(bucket.Take(At(5), rate), rate.interval) << "the next token is one interval away";
  }
}

TEST(TokenBucketTest, SaysWhenTheNextTokenIsThereToTheNanosecond) {
  const Rate rate = Rate::PerSecond(4, seconds(1));
  TokenBucket bucket;
  EXPECT_EQ(TakeAll(bucket, rate, At(0), At(0) + Span(1)), 4);
  EXPECT_EQ(bucket.Take(At(0.1), rate), milliseconds(150));
  EXPECT_EQ(bucket.Take(At(0.25) - Span(1), rate), Span(1));
  EXPECT_TRUE(Takes(bucket, At(0.25), rate));
  EXPECT_EQ(bucket.Take(At(0.25), rate), milliseconds(250));
}

TEST(TokenBucketTest, SavesNoMoreUpForLaterThanFitsIntoIt) {
  const Rate rate = Rate::PerSecond(100, milliseconds(10));
  TokenBucket bucket;
  TakeAll(bucket, rate, At(0), At(1));
  EXPECT_LE(TakeAll(bucket, rate, At(60), At(61)), 102);
}

TEST(TokenBucketTest, SpreadsThemEvenlyWhereOneFitsIntoIt) {
  const Rate rate = Rate::PerSecond(4, milliseconds(10));
  TokenBucket bucket;
  EXPECT_TRUE(Takes(bucket, At(0), rate));
  EXPECT_EQ(bucket.ReadyAt(At(0), rate), At(0.25));
  EXPECT_EQ(bucket.ReadyAfter(At(0), 3, rate), At(1));
  EXPECT_TRUE(Takes(bucket, At(0.4), rate));
  EXPECT_EQ(bucket.ReadyAt(At(0.4), rate), At(0.65));
  EXPECT_EQ(bucket.ReadyAfter(At(10), 0, rate), At(10));
}

TEST(TokenBucketTest, HasATokenAgainThatIsGivenBack) {
  const Rate rate = Rate::PerSecond(2, seconds(1));
  TokenBucket bucket;
  EXPECT_EQ(TakeAll(bucket, rate, At(0), At(0) + Span(1)), 2);
  bucket.GiveBack(rate);
  EXPECT_TRUE(Takes(bucket, At(0), rate));
  EXPECT_FALSE(Takes(bucket, At(0), rate));
}

TEST(TokenBucketTest, GoesByAnotherRateFromOneCallToTheNext) {
  TokenBucket bucket;
  const Rate slow = Rate::PerSecond(1, seconds(1));
  EXPECT_TRUE(Takes(bucket, At(0), slow));
  EXPECT_EQ(bucket.Take(At(0), slow), seconds(1));
  EXPECT_TRUE(Takes(bucket, At(0), Rate()));
  EXPECT_EQ(bucket.Take(At(0), Rate::PerSecond(1, seconds(2))), Span::zero());
}

TEST(TokenBucketTest, WaitsLongForVerySmallRates) {
  const Rate rate = Rate::PerSecond(1e-300, milliseconds(10));
  TokenBucket bucket;
  EXPECT_TRUE(Takes(bucket, At(0), rate));
  EXPECT_GT(bucket.ReadyAt(At(0), rate), At(1e6));
  EXPECT_GT(bucket.ReadyAfter(At(0), 1'000'000, rate), At(1e6));
}

TEST(TokenBucketTest, HasNoLimitAtZero) {
  const Rate rate = Rate::PerSecond(0, milliseconds(10));
  TokenBucket bucket;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(Takes(bucket, At(0), rate));
  }
  EXPECT_EQ(bucket.ReadyAfter(At(0), 1'000'000, rate), At(0));
}

TEST(TokenBucketTest, GivesNoMoreHoweverManyAskAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kTokens = 1'000'000;  // so many that all take part for a while
  constexpr int kTries = kTokens / 2;
  const Rate rate = Rate::PerSecond(kTokens, seconds(1));
  TokenBucket bucket;
  std::latch begin(kThreads);  // together, or the first is done before the last has begun
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      begin.arrive_and_wait();
      for (int i = 0; i < kTries; ++i) {
        taken += Takes(bucket, At(5), rate) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(taken, kTokens);
}

}  // namespace
}  // namespace timerd
