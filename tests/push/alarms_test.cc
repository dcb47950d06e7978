#include "server/push/alarms.h"

#include <chrono>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace timerd::push {
namespace {

using ::testing::ElementsAre;

constexpr auto kPatience = std::chrono::seconds(20);

TEST(RealAlarmsTest, CallBackInTheOrderOfTheirTimesAndNeverEarly) {
  RealAlarms alarms;
  const Instant start = alarms.Now();
  std::vector<int> order;
  std::promise<Instant> last;
  alarms.At(start + std::chrono::milliseconds(60), [&] { last.set_value(alarms.Now()); });
  alarms.At(start + std::chrono::milliseconds(40), [&] { order.push_back(2); });
  alarms.At(start + std::chrono::milliseconds(20), [&] { order.push_back(1); });
  std::future<Instant> called = last.get_future();
  ASSERT_EQ(called.wait_for(kPatience), std::future_status::ready);
  EXPECT_GE(called.get(), start + std::chrono::milliseconds(60));
  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST(RealAlarmsTest, CanBeSetInsideOne) {
  RealAlarms alarms;
  std::promise<void> second;
  alarms.At(alarms.Now(), [&] { alarms.At(alarms.Now(), [&] { second.set_value(); }); });
  EXPECT_EQ(second.get_future().wait_for(kPatience), std::future_status::ready);
}

TEST(RealAlarmsTest, DropWhatIsNotDueAtTheEnd) {
  const auto called = std::make_shared<bool>(false);
  {
    RealAlarms alarms;
    alarms.At(alarms.Now() + std::chrono::hours(1), [called] { *called = true; });
    EXPECT_EQ(called.use_count(), 2);
  }
  EXPECT_FALSE(*called);
  EXPECT_EQ(called.use_count(), 1);
}

}  // namespace
}  // namespace timerd::push
