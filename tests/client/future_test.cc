#include "timerd/future.h"

#include <thread>

#include "gtest/gtest.h"

namespace timerd {
namespace {

void Inline(std::function<void()> callback) { callback(); }

TEST(FutureTest, KeepsItsFirstValue) {
  Promise<int> promise(Inline);
  EXPECT_FALSE(promise.future().ready());
  EXPECT_TRUE(promise.Set(1));
  EXPECT_FALSE(promise.Set(2));
  EXPECT_EQ(promise.future().Get(), 1);
}

TEST(FutureTest, CallsBackOnceInOrderBeforeAndAfterTheValue) {
  Promise<int> promise(Inline);
  std::vector<int> calls;
  promise.future().OnReady([&calls](int value) { calls.push_back(value); });
  promise.future().OnReady([&calls](int value) { calls.push_back(value + 1); });
  EXPECT_TRUE(calls.empty());
  promise.Set(10);
  promise.future().OnReady([&calls](int value) { calls.push_back(value + 2); });
  EXPECT_EQ(calls, (std::vector<int>{10, 11, 12}));
}

TEST(FutureTest, WaitsNoLongerThanItsLimit) {
  Promise<int> promise(Inline);
  EXPECT_EQ(promise.future().Wait(absl::Milliseconds(1)), std::nullopt);
  EXPECT_EQ(Future<int>().Wait(absl::InfiniteDuration()), std::nullopt);
}

TEST(FutureTest, WakesAWaiterOnAnotherThread) {
  Promise<int> promise(Inline);
  std::thread setter([&promise] { promise.Set(7); });
  EXPECT_EQ(promise.future().Wait(absl::InfiniteDuration()), 7);
  setter.join();
}

}  // namespace
}  // namespace timerd
