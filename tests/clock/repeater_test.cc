#include "server/clock/repeater.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>

namespace timerd::clock {
namespace {

TEST(RepeaterTest, CallsAgainAndAgain) {
  int calls = 0;
  std::promise<void> third;
  const auto begun = std::chrono::steady_clock::now();
  const Repeater repeater(std::chrono::milliseconds(5), [&] {
    if (++calls == 3) {
      third.set_value();
    }
  });
  third.get_future().wait();
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(15));
}

TEST(RepeaterTest, EndsWithoutWaitingForTheNextCall) {
  int calls = 0;
  {
    const Repeater repeater(std::chrono::hours(1), [&calls] { ++calls; });
  }
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace timerd::clock
