#include "server/push/token_bucket.h"

#include <chrono>

#include "gtest/gtest.h"
#include "tests/support/test_time.h"

namespace timerd::push {
namespace {

using ::timerd::testing::At;

// Takes all that it can from `from` to `until`, a millisecond at a time.
int TakeAll(TokenBucket& bucket, Instant from, Instant until) {
  int taken = 0;
  for (Instant now = from; now < until; now += std::chrono::milliseconds(1)) {
    while (bucket.ReadyAt(now) <= now && taken < 10'000'000) {
      bucket.Take(now);
      ++taken;
    }
  }
  return taken;
}

TEST(TokenBucketTest, GivesAsManyASecondAsItShould) {
  for (const double rate : {1.0, 3.0, 50.0, 1000.0, 1e6}) {
    TokenBucket bucket(rate);
    EXPECT_NEAR(TakeAll(bucket, At(0), At(1)), rate, rate / 100 + 1) << rate;
    EXPECT_NEAR(TakeAll(bucket, At(1), At(2)), rate, rate / 100 + 1) << rate;
  }
}

TEST(TokenBucketTest, SavesNothingUpForLater) {
  TokenBucket bucket(100);
  TakeAll(bucket, At(0), At(1));
  EXPECT_LE(TakeAll(bucket, At(60), At(61)), 102);
}

TEST(TokenBucketTest, SpreadsThemEvenly) {
  TokenBucket bucket(4);
  bucket.Take(At(0));
  EXPECT_EQ(bucket.ReadyAt(At(0)), At(0.25));
  EXPECT_EQ(bucket.ReadyAfter(At(0), 3), At(1));
  bucket.Take(At(0.4));
  EXPECT_EQ(bucket.ReadyAt(At(0.4)), At(0.65));
  EXPECT_EQ(bucket.ReadyAfter(At(10), 0), At(10));
}

TEST(TokenBucketTest, WaitsLongForVerySmallRates) {
  TokenBucket bucket(1e-300);
  EXPECT_LE(bucket.ReadyAt(At(0)), At(0));
  bucket.Take(At(0));
  EXPECT_GT(bucket.ReadyAt(At(0)), At(1e6));
  EXPECT_GT(bucket.ReadyAfter(At(0), 1'000'000), At(1e6));
}

TEST(TokenBucketTest, HasNoLimitAtZero) {
  TokenBucket bucket(0);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_LE(bucket.ReadyAt(At(0)), At(0));
    bucket.Take(At(0));
  }
  EXPECT_EQ(bucket.ReadyAfter(At(0), 1'000'000), At(0));
}

}  // namespace
}  // namespace timerd::push
