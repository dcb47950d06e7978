#include "server/reactor/residents.h"

#include <gtest/gtest.h>

namespace timerd::reactor {
namespace {

TEST(ResidentsTest, CountsWhatTheyTake) {
  Residents residents;
  const Slot small = residents.Add({.key = "default/small"});
  const size_t one = residents.bytes();
  EXPECT_GT(one, sizeof(Resident));
  EXPECT_EQ(residents[small].bytes, one);
  const Slot large =
      residents.Add({.key = "default/large", .spec = {.payload = std::string(100'000, 'p')}});
  EXPECT_GE(residents.bytes(), 2 * one + 100'000);
  EXPECT_LT(residents.bytes(), 2 * one + 101'000);
  residents.Remove(large);
  EXPECT_EQ(residents.bytes(), one);
  residents.Remove(small);
  EXPECT_EQ(residents.bytes(), 0u);
}

TEST(ResidentsTest, CountsAHandleThatHasChangedWhenItIsMeasured) {
  Residents residents;
  const Slot slot = residents.Add({.key = "default/a"});
  const size_t before = residents.bytes();
  residents[slot].handle.timeouts.resize(10);
  residents[slot].handle.end = timer::Event{.payload = std::string(5000, 'p')};
  EXPECT_EQ(residents.bytes(), before);
  residents.Measure(slot);
  EXPECT_GE(residents.bytes(), before + 10 * sizeof(timer::Timeout) + 5000);
  residents[slot].handle = {.key = "default/a"};
  residents.Measure(slot);
  EXPECT_EQ(residents.bytes(), before);
}

// A slot that is used again begins anew.
TEST(ResidentsTest, CountsEachUseOfASlotForItself) {
  Residents residents;
  residents.Remove(residents.Add({.key = "a", .spec = {.payload = std::string(9000, 'p')}}));
  const Slot again = residents.Add({.key = "b"});
  EXPECT_EQ(residents.bytes(), ResidentBytes({.key = "b"}));
  EXPECT_EQ(residents[again].bytes, residents.bytes());
}

}  // namespace
}  // namespace timerd::reactor
