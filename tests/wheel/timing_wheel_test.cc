#include "server/wheel/timing_wheel.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace timerd::wheel {

bool operator==(const Expired& a, const Expired& b) {
  return std::tie(a.handle, a.deadline, a.place) == std::tie(b.handle, b.deadline, b.place);
}
void PrintTo(const Expired& item, std::ostream* out) {
  *out << "{handle " << item.handle << ", deadline " << item.deadline << ", place " << item.place
       << "}";
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Tick kStart = 1'800'000'000'000;  // milliseconds since 1970

std::vector<Expired> PopAll(TimingWheel& wheel, Tick limit) {
  std::vector<Expired> popped;
  for (Expired expired; wheel.PopExpired(limit, &expired);) {
    popped.push_back(expired);
    wheel.CheckInvariants();
  }
  return popped;
}

TEST(TimingWheelTest, PopsByDeadlineAndThenByPlace) {
  TimingWheel wheel(kStart);
  wheel.Arm(0, kStart + 7, 30);
  wheel.Arm(1, kStart + 7, 10);
  wheel.Arm(2, kStart + 3, 40);
  wheel.Arm(3, kStart + 7, 20);
  EXPECT_THAT(PopAll(wheel, kStart + 100),
              ElementsAre(Expired{2, kStart + 3, 40}, Expired{1, kStart + 7, 10},
                          Expired{3, kStart + 7, 20}, Expired{0, kStart + 7, 30}));
}

TEST(TimingWheelTest, NeverPopsBeforeTheDeadline) {
  TimingWheel wheel(kStart);
  wheel.Arm(0, kStart + 5, 0);
  EXPECT_THAT(PopAll(wheel, kStart + 4), IsEmpty());
  EXPECT_TRUE(wheel.IsArmed(0));
  EXPECT_THAT(PopAll(wheel, kStart + 5), ElementsAre(Expired{0, kStart + 5, 0}));
  EXPECT_FALSE(wheel.IsArmed(0));
}

TEST(TimingWheelTest, PutsAnEntryArmedInAHalfPoppedTickInItsPlace) {
  TimingWheel wheel(0);
  wheel.Arm(0, 5, 10);
  wheel.Arm(1, 5, 20);
  wheel.Arm(2, 5, 40);
  Expired expired;
  ASSERT_TRUE(wheel.PopExpired(5, &expired));
  EXPECT_EQ(expired.handle, 0u);
  wheel.Arm(3, 5, 30);
  wheel.Arm(4, 5, 5);
  EXPECT_THAT(PopAll(wheel, 5), ElementsAre(Expired{4, 5, 5}, Expired{1, 5, 20}, Expired{3, 5, 30},
                                            Expired{2, 5, 40}));
}

TEST(TimingWheelTest, PutsAnEntryArmedInThePastBeforeWhatIsDueLater) {
  TimingWheel wheel(10);
  wheel.Arm(0, 7, 1);
  wheel.Arm(1, 5, 2);
  wheel.Arm(2, 10, 0);
  wheel.Arm(3, 0, 3);
  EXPECT_EQ(wheel.NextWake(), 0u);
  EXPECT_THAT(PopAll(wheel, 10),
              ElementsAre(Expired{3, 0, 3}, Expired{1, 5, 2}, Expired{0, 7, 1}, Expired{2, 10, 0}));
  EXPECT_EQ(wheel.now(), 10u);
}

TEST(TimingWheelTest, HoldsBackWhatIsDueAfterALimitInThePast) {
  TimingWheel wheel(10);
  wheel.Arm(0, 5, 0);
  wheel.Arm(1, 8, 1);
  EXPECT_THAT(PopAll(wheel, 6), ElementsAre(Expired{0, 5, 0}));
  EXPECT_EQ(wheel.now(), 10u);
  EXPECT_TRUE(wheel.IsArmed(1));
}

TEST(TimingWheelTest, MovesNowToWhatItPopsAndThenToTheLimit) {
  TimingWheel wheel(kStart);
  wheel.Arm(0, kStart + 1000, 0);
  Expired expired;
  ASSERT_TRUE(wheel.PopExpired(kStart + 5000, &expired));
  EXPECT_EQ(wheel.now(), kStart + 1000);
  EXPECT_FALSE(wheel.PopExpired(kStart + 5000, &expired));
  EXPECT_EQ(wheel.now(), kStart + 5000);
  EXPECT_FALSE(wheel.PopExpired(kStart, &expired));
  EXPECT_EQ(wheel.now(), kStart + 5000);
}

TEST(TimingWheelTest, ReplacesTheEarlierArmingOfAHandle) {
  TimingWheel wheel(kStart);
  wheel.Arm(0, kStart + 100, 0);
  wheel.Arm(0, kStart + 200, 1);  // later
  wheel.Arm(1, kStart + 100, 2);
  wheel.Arm(1, kStart + 50, 3);  // earlier
  wheel.Arm(2, kStart - 1, 4);
  wheel.Arm(2, kStart + 60, 5);  // no more in the past
  EXPECT_EQ(wheel.size(), 3u);
  EXPECT_THAT(PopAll(wheel, kStart + 1000),
              ElementsAre(Expired{1, kStart + 50, 3}, Expired{2, kStart + 60, 5},
                          Expired{0, kStart + 200, 1}));
}

TEST(TimingWheelTest, GivesAHandleArmedAgainForTheSameDeadlineItsNewPlace) {
  TimingWheel wheel(10);
  for (Tick deadline : {5, 15}) {
    wheel.Arm(0, deadline, 1);
    wheel.Arm(1, deadline, 2);
    wheel.Arm(0, deadline, 3);
    EXPECT_THAT(PopAll(wheel, deadline),
                ElementsAre(Expired{1, deadline, 2}, Expired{0, deadline, 3}));
  }
}

TEST(TimingWheelTest, ForgetsADisarmedHandleUntilItIsArmedAgain) {
  TimingWheel wheel(kStart);
  wheel.Arm(0, kStart + 10, 0);
  wheel.Arm(1, kStart - 10, 1);
  wheel.Disarm(0);
  wheel.Disarm(1);
  wheel.Disarm(1);
  wheel.Disarm(123'456);  // never seen
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_FALSE(wheel.IsArmed(0));
  EXPECT_FALSE(wheel.IsArmed(123'456));
  EXPECT_THAT(PopAll(wheel, kStart + 5), IsEmpty());
  wheel.Arm(0, kStart + 10, 2);
  EXPECT_THAT(PopAll(wheel, kStart + 50), ElementsAre(Expired{0, kStart + 10, 2}));
}

TEST(TimingWheelTest, NeverWakesWhenOnlyDeadEntriesAreLeft) {
  TimingWheel wheel(kStart);
  EXPECT_EQ(wheel.NextWake(), kNever);
  Handle handle = 0;
  for (Tick delay : {0, 1, 300, 70'000, 20'000'000}) {
    wheel.Arm(handle++, kStart + delay, delay);
  }
  EXPECT_EQ(wheel.NextWake(), kStart);
  while (handle > 0) {
    wheel.Disarm(--handle);
  }
  EXPECT_EQ(wheel.NextWake(), kNever);
  EXPECT_GT(wheel.entries(), 0u);
}

TEST(TimingWheelTest, WakesExactlyAtADeadlineOfTheLowestLevel) {
  for (Tick delay = 1; delay <= 256; ++delay) {
    TimingWheel wheel(kStart);
    wheel.Arm(0, kStart + delay, 0);
    ASSERT_EQ(wheel.NextWake(), kStart + delay);
  }
}

TEST(TimingWheelTest, ReachesADeadlineInFewStepsHoweverFarAwayItIs) {
  for (int bit = 0; bit < 64; ++bit) {
    for (Tick start : {Tick{0}, kStart, kStart | 0xffff, kReach - 1, 2 * kReach - 1}) {
      Tick deadline = std::min(start + (Tick{1} << bit), kNever - 1);
      TimingWheel wheel(start);
      wheel.Arm(7, deadline, 1);
      int steps = 1;
      Expired expired;
      for (; !wheel.PopExpired(wheel.NextWake(), &expired); ++steps) {
        ASSERT_LE(wheel.NextWake(), deadline);
        ASSERT_LE(steps, 8) << "bit " << bit;
      }
      EXPECT_EQ(expired, (Expired{7, deadline, 1}));
      EXPECT_EQ(wheel.now(), deadline);
      wheel.CheckInvariants();
    }
  }
}

TEST(TimingWheelTest, ServesBothEndsOfTheAxis) {
  TimingWheel wheel(0);
  wheel.Arm(0, 0, 0);
  wheel.Arm(1, kNever - 1, 1);
  EXPECT_THAT(PopAll(wheel, kNever), ElementsAre(Expired{0, 0, 0}, Expired{1, kNever - 1, 1}));
  EXPECT_EQ(wheel.now(), kNever - 1);
  wheel.Arm(2, 3, 2);
  EXPECT_THAT(PopAll(wheel, kNever), ElementsAre(Expired{2, 3, 2}));
}

TEST(TimingWheelDeathTest, RefusesTheDeadlineThatMeansNever) {
  TimingWheel wheel(0);
  EXPECT_DEATH(wheel.Arm(0, kNever, 0), "broken invariant");
}

TEST(TimingWheelTest, BringsAFarEntryNearerWhenItIsArmedAgain) {
  TimingWheel wheel(kStart);
  wheel.Arm(0, kStart + 9 * kReach, 0);
  wheel.Arm(0, kStart + 5 * kReach + 3, 1);  // nearer, still far
  wheel.Arm(1, kStart + 9 * kReach, 2);
  wheel.Arm(1, kStart + kReach, 3);  // the last that is near: the cursor is one ahead
  wheel.Arm(2, kStart + kReach, 4);
  wheel.Arm(2, kStart + 7 * kReach, 5);
  EXPECT_THAT(PopAll(wheel, kStart + 10 * kReach),
              ElementsAre(Expired{1, kStart + kReach, 3}, Expired{0, kStart + 5 * kReach + 3, 1},
                          Expired{2, kStart + 7 * kReach, 5}));
}

// A node keeps 31 bits of a near deadline; these differ in the others only.
TEST(TimingWheelTest, TellsDeadlinesApartThatAreAMultipleOfItsReachAway) {
  TimingWheel wheel(4 * kReach);
  for (Tick times : {4, 3, 2, 1}) {  // all in the past, and of the same place
    wheel.Arm(0, times * kReach, 7);
  }
  wheel.Arm(1, 5 * kReach, 8);
  wheel.Arm(1, 6 * kReach, 8);
  wheel.Arm(1, 5 * kReach + 1, 8);
  wheel.Arm(2, 6 * kReach + 1, 9);
  EXPECT_THAT(PopAll(wheel, 10 * kReach),
              ElementsAre(Expired{0, kReach, 7}, Expired{1, 5 * kReach + 1, 8},
                          Expired{2, 6 * kReach + 1, 9}));
}

TEST(TimingWheelTest, MakesNoGarbageForExtensions) {
  TimingWheel wheel(kStart);
  for (Tick i = 0; i < 100'000; ++i) {
    wheel.Arm(0, kStart + 30'000 + i, i);
  }
  EXPECT_EQ(wheel.entries(), 1u);
  for (Tick i = 0; i < 1000; ++i) {  // cancel and make anew, as a request time-out does
    wheel.Disarm(0);
    wheel.Arm(0, kStart + 200'000 + i, 100'000 + i);
  }
  EXPECT_EQ(wheel.entries(), 1u);
  EXPECT_THAT(PopAll(wheel, kStart + 300'000), ElementsAre(Expired{0, kStart + 200'999, 100'999}));
}

TEST(TimingWheelTest, FilesAnExtendedEntryAgainWhenItComesUp) {
  TimingWheel wheel(kStart);
  wheel.Arm(0, kStart + 10, 0);
  wheel.Arm(0, kStart + 10'000, 1);
  EXPECT_EQ(wheel.NextWake(), kStart + 10);
  EXPECT_THAT(PopAll(wheel, kStart + 10), IsEmpty());
  EXPECT_EQ(wheel.poured(), 0u);
  EXPECT_EQ(wheel.entries(), 1u);
  EXPECT_GT(wheel.NextWake(), kStart + 10);
  EXPECT_THAT(PopAll(wheel, kStart + 10'000), ElementsAre(Expired{0, kStart + 10'000, 1}));
}

TEST(TimingWheelTest, BoundsItsGarbageAtAFrozenClock) {
  constexpr Handle kHandles = 1000;
  constexpr Place kArmings = 1'000'000;
  TimingWheel wheel(kStart);
  size_t most = 0;
  for (Place place = 0; place < kArmings; ++place) {
    // Ever earlier, so that no entry can stay; every third is left disarmed.
    Handle handle = static_cast<Handle>(place % kHandles);
    wheel.Arm(handle, kStart + 2 * kArmings - place, place);
    if (handle % 3 == 0) {
      wheel.Disarm(handle);
    }
    most = std::max(most, wheel.entries());
  }
  wheel.CheckInvariants();
  EXPECT_LE(most, 100'000u);
  EXPECT_LT(wheel.bytes(), 4u << 20);
  Expired last{};
  size_t popped = 0;
  for (Expired expired; wheel.PopExpired(kStart + 2 * kArmings, &expired); ++popped) {
    ASSERT_LT(last.deadline, expired.deadline);
    last = expired;
  }
  EXPECT_EQ(popped, kHandles * size_t{2} / 3);
}

TEST(TimingWheelTest, BoundsItsGarbageAmongWhatIsDue) {
  TimingWheel wheel(kStart);
  size_t most = 0;
  for (Place place = 0; place < 500'000; ++place) {
    wheel.Arm(0, kStart - place % 1000, place);
    most = std::max(most, wheel.entries());
  }
  EXPECT_LE(most, 128'000u);
  EXPECT_EQ(wheel.size(), 1u);
}

TEST(TimingWheelTest, UsesItsMemoryAgain) {
  constexpr Handle kHandles = 20'000;
  TimingWheel wheel(kStart);
  size_t bytes_after_first_round = 0;
  for (Place round = 0; round < 20; ++round) {
    for (Handle handle = 0; handle < kHandles; ++handle) {
      wheel.Arm(handle, wheel.now() + 1 + handle * Tick{7919} % 600'000, round * kHandles + handle);
    }
    Expired expired;
    size_t popped = 0;
    while (wheel.PopExpired(wheel.now() + 600'000, &expired)) {
      ++popped;
    }
    ASSERT_EQ(popped, kHandles);
    if (round == 0) {
      bytes_after_first_round = wheel.bytes();
    }
  }
  EXPECT_EQ(wheel.entries(), 0u);
  EXPECT_LE(wheel.bytes(), bytes_after_first_round * 5 / 4);
}

// A caller that comes at each NextWake() pours a crowded tick out in parts, ahead of the deadline.
TEST(TimingWheelTest, WorksAheadOnACrowdedTick) {
  constexpr Handle kHandles = 24 * 4096;
  constexpr Tick kDeadline = kStart + 400'000;
  TimingWheel wheel(kStart);
  for (Handle handle = 0; handle < kHandles; ++handle) {
    wheel.Arm(handle, kDeadline, handle ^ 0xfff);  // not in the order of places
  }
  Expired expired;
  int wakes = 0;
  size_t largest_part = 0;
  while (wheel.now() < kDeadline - 1) {
    Tick wake = std::min(wheel.NextWake(), kDeadline - 1);
    ASSERT_GT(wake, wheel.now());
    size_t poured = wheel.poured();
    ASSERT_FALSE(wheel.PopExpired(wake, &expired));
    largest_part = std::max(largest_part, wheel.poured() - poured);
    ++wakes;
  }
  wheel.CheckInvariants();
  EXPECT_LT(wakes, 2000);
  EXPECT_LT(largest_part, kHandles / 20);
  // What is left for the deadline itself is no more than a crowded slot begins with.
  EXPECT_EQ(wheel.size(), kHandles);
  EXPECT_GE(wheel.poured(), kHandles - size_t{Level::kCrowded} * Chunk::kEntries);
  wheel.Disarm(5 ^ 0xfff);
  for (Place place = 0; place < kHandles; ++place) {
    if (place == 5) {
      continue;  // disarmed above
    }
    ASSERT_TRUE(wheel.PopExpired(kDeadline, &expired));
    ASSERT_EQ(expired.place, place);
    ASSERT_EQ(expired.handle, place ^ 0xfff);
  }
  EXPECT_EQ(wheel.size(), 0u);
}

}  // namespace
}  // namespace timerd::wheel
