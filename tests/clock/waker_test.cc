// Waiting for a moment, or for someone.
#include "server/clock/waker.h"

#include <atomic>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/test_time.h"

namespace timerd::clock {
namespace {

using ::timerd::testing::kStart;
using ::timerd::testing::Seconds;

TEST(WakerTest, WaitsUntilTheMomentAndNotLess) {
  const RealClock clock(kStart);
  Waker waker;
  const Instant until = clock.Read().now + std::chrono::milliseconds(5);
  waker.WaitUntil(clock, until);
  EXPECT_GE(clock.Read().now, until);
}

TEST(WakerTest, ReturnsAtOnceForAMomentThatHasPassed) {
  const RealClock clock(kStart);
  Waker waker;
  waker.WaitUntil(clock, kStart - Seconds(1e9));
  waker.WaitUntil(clock, Instant::min());
  EXPECT_LT(clock.Read().now, kStart + Seconds(60));
}

TEST(WakerTest, RemembersAWakeThatCameBeforeTheWait) {
  const RealClock clock(kStart);
  Waker waker;
  waker.Wake();
  waker.WaitUntil(clock, Instant::max());
  EXPECT_LT(clock.Read().now, kStart + Seconds(60));
}

TEST(WakerTest, IsWokenByAnotherThread) {
  const RealClock clock(kStart);
  Waker waker;
  std::thread other([&waker] { waker.Wake(); });
  waker.WaitUntil(clock, Instant::max());
  other.join();
  EXPECT_LT(clock.Read().now, kStart + Seconds(60));
}

TEST(WakerTest, CountsManyWakesAsOne) {
  const RealClock clock(kStart);
  Waker waker;
  waker.Wake();
  waker.Wake();
  waker.WaitUntil(clock, Instant::max());
  const Instant until = clock.Read().now + std::chrono::milliseconds(5);
  waker.WaitUntil(clock, until);
  EXPECT_GE(clock.Read().now, until);
}

}  // namespace
}  // namespace timerd::clock
