// The wheel beside a model that is too simple to be wrong: a std::map in the order of
// (deadline, place). TIMERD_SEED=n replays one seed.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/wheel/timing_wheel.h"

namespace timerd::wheel {
namespace {

using Random = std::mt19937_64;

uint64_t Below(Random& random, uint64_t bound) { return random() % bound; }

struct Workload {
  const char* name;
  Tick start;
  Handle handles;
  int steps;
  // Of 100 steps, how many arm, disarm and pop; the rest jump to NextWake().
  uint64_t arm, disarm, pop;
  Tick (*deadline)(Random& random, Tick now);
  Tick (*stride)(Random& random);  // how far past now() a pop may go
  int steps_per_check;
};

// As many bits as it takes: every scale is as likely as any other.
Tick AnyScale(Random& random, int max_bits) {
  return random() >> (64 - 1 - Below(random, max_bits));
}

Tick Later(Tick now, Tick delay) {
  return std::min(now + std::min(delay, kNever - 1 - now), kNever - 1);
}

const Workload kWorkloads[] = {
    {"Dense", 1'800'000'000'000, 300, 20'000, 55, 10, 30,
     [](Random& r, Tick now) { return now + Below(r, 600); }, [](Random& r) { return Below(r, 4); },
     1},
    {"Sparse", 1'800'000'000'000, 20, 20'000, 40, 10, 25,
     [](Random& r, Tick now) { return now + Below(r, 3'600'000); },
     [](Random& r) { return Below(r, 100'000); }, 1},
    {"EveryScale", 1'800'000'000'000, 100, 20'000, 45, 10, 25,
     [](Random& r, Tick now) { return Later(now, AnyScale(r, 40)); },
     [](Random& r) { return AnyScale(r, 30); }, 1},
    {"Far", 0, 60, 6'000, 50, 10, 20,
     [](Random& r, Tick now) { return Later(now, AnyScale(r, 56)); },
     [](Random& r) { return AnyScale(r, 50); }, 1},
    {"EndOfTheAxis", kNever - 100'000, 50, 5'000, 50, 10, 25,
     [](Random& r, Tick now) { return Later(now, Below(r, 200'000)); },
     [](Random& r) { return Below(r, 60); }, 1},
    {"SameTick", 65'000, 500, 20'000, 60, 10, 28,
     [](Random& r, Tick now) { return (now + 1 + Below(r, 300)) / 100 * 100; },
     [](Random& r) { return Below(r, 3); }, 1},
    {"Past", 5'000, 200, 20'000, 45, 5, 48,
     [](Random& r, Tick now) { return now - std::min(now, Below(r, 100)) + Below(r, 60); },
     [](Random& r) { return Below(r, 3); }, 1},
    {"EdgeOfADeadlinesBits", (Tick{1} << 32) - 3'000, 80, 10'000, 50, 10, 25,
     [](Random& r, Tick now) { return now + Below(r, 5'000); },
     [](Random& r) { return Below(r, 20); }, 1},
    {"ChurnAtAFrozenClock", 1'800'000'000'000, 20'000, 700'000, 75, 24, 1,
     [](Random& r, Tick now) { return now + 1 + AnyScale(r, 26); }, [](Random&) { return Tick{0}; },
     20'000},
    {"BigJumps", 1'800'000'000'000, 3'000, 60'000, 60, 5, 34,
     [](Random& r, Tick now) { return now + Below(r, 40'000'000); },
     [](Random& r) { return Below(r, 1000) == 0 ? Below(r, 30'000'000) : Below(r, 5'000); }, 500},
    // A crowd on each 4096th tick, and a few entries on the ticks before it.
    {"CrowdedTicks", 1'800'000'000'000, 20'000, 400'000, 65, 3, 30,
     [](Random& r, Tick now) {
       return Below(r, 10) == 0 ? now + Below(r, 600) : (now / 4096 + 1) * 4096;
     },
     [](Random& r) { return Below(r, 1000) == 0 ? Below(r, 600) : 0; }, 10'000},
    {"CrowdedCascades", 1'800'000'000'000, 40'000, 300'000, 50, 3, 36,
     [](Random& r, Tick now) { return (now / 65'536 + 1) * 65'536 + Below(r, 1000); },
     [](Random& r) { return Below(r, 30); }, 10'000},
};

class Pair {
 public:
  Pair(const Workload& workload, uint64_t seed)
      : workload_(workload),
        random_(seed),
        wheel_(workload.start),
        armed_(workload.handles, kNone) {}

  void Run() {
    for (int step = 0; step < workload_.steps; ++step) {
      uint64_t dice = Below(random_, 100);
      Handle handle = static_cast<Handle>(Below(random_, workload_.handles));
      if (dice < workload_.arm) {
        Arm(handle);
      } else if (dice < workload_.arm + workload_.disarm) {
        Disarm(handle);
      } else if (dice < workload_.arm + workload_.disarm + workload_.pop) {
        Pop(Later(wheel_.now(), workload_.stride(random_)));
      } else if (wheel_.NextWake() != kNever) {
        Pop(wheel_.NextWake());
      }
      ASSERT_NO_FATAL_FAILURE(Compare(handle)) << "step " << step;
      if (step % workload_.steps_per_check == 0) {
        wheel_.CheckInvariants();
      }
    }
    Drain();
  }

  size_t popped() const { return popped_; }

 private:
  using Key = std::pair<Tick, Place>;

  void Arm(Handle handle) {
    // Unique, and in no order.
    Place place = (Below(random_, 1u << 20) << 32) + next_place_++;
    Tick deadline = workload_.deadline(random_, wheel_.now());
    wheel_.Arm(handle, deadline, place);
    Forget(handle);
    order_.emplace(Key{deadline, place}, handle);
    armed_[handle] = {deadline, place};
  }

  void Disarm(Handle handle) {
    wheel_.Disarm(handle);
    Forget(handle);
  }

  void Forget(Handle handle) {
    order_.erase(armed_[handle]);
    armed_[handle] = kNone;
  }

  void Pop(Tick limit) {
    Tick before = wheel_.now();
    Expired expired{};
    bool found = wheel_.PopExpired(limit, &expired);
    bool expected = !order_.empty() && order_.begin()->first.first <= limit;
    ASSERT_EQ(found, expected) << "limit " << limit;
    if (!found) {
      ASSERT_EQ(wheel_.now(), std::max(before, limit));
      return;
    }
    auto first = order_.begin();
    ASSERT_EQ(Key(expired.deadline, expired.place), first->first);
    ASSERT_EQ(expired.handle, first->second);
    ASSERT_EQ(wheel_.now(), std::max(before, expired.deadline));
    Forget(expired.handle);
    ++popped_;
  }

  void Compare(Handle handle) {
    ASSERT_FALSE(testing::Test::HasFatalFailure());
    ASSERT_EQ(wheel_.size(), order_.size());
    ASSERT_EQ(wheel_.IsArmed(handle), armed_[handle] != kNone);
    if (order_.empty()) {
      ASSERT_EQ(wheel_.NextWake(), kNever);
    } else {
      ASSERT_LE(wheel_.NextWake(), order_.begin()->first.first);
    }
  }

  // Follows NextWake() to the end: each entry is reached, in few steps unless slots are crowded.
  void Drain() {
    size_t armed = order_.size();
    size_t steps = 0;
    while (!order_.empty()) {
      ASSERT_NO_FATAL_FAILURE(Pop(wheel_.NextWake()));
      ASSERT_LE(++steps, 200'000 + 20 * armed) << "NextWake() makes its caller spin";
    }
    ASSERT_EQ(wheel_.size(), 0u);
    ASSERT_EQ(wheel_.NextWake(), kNever);
    wheel_.CheckInvariants();
  }

  static constexpr Key kNone{kNever, 0};

  const Workload& workload_;
  Random random_;
  TimingWheel wheel_;
  std::map<Key, Handle> order_;
  std::vector<Key> armed_;
  Place next_place_ = 0;
  size_t popped_ = 0;
};

class TimingWheelModelTest : public testing::TestWithParam<Workload> {};

TEST_P(TimingWheelModelTest, AgreesWithAnOrderedMap) {
  constexpr int kSeeds = 2;
  const char* replay = std::getenv("TIMERD_SEED");
  uint64_t seed = replay != nullptr ? std::strtoull(replay, nullptr, 10) : std::random_device()();
  int runs = 0;
  for (; runs < (replay != nullptr ? 1 : kSeeds); ++runs, ++seed) {
    std::cout << "TIMERD_SEED=" << seed << std::endl;
    SCOPED_TRACE("TIMERD_SEED=" + std::to_string(seed));
    Pair pair(GetParam(), seed);
    ASSERT_NO_FATAL_FAILURE(pair.Run());
    EXPECT_GT(pair.popped(), 100u);
  }
  EXPECT_GE(runs, 1);
}

INSTANTIATE_TEST_SUITE_P(Workloads, TimingWheelModelTest, testing::ValuesIn(kWorkloads),
                         [](const auto& workload) { return workload.param.name; });

}  // namespace
}  // namespace timerd::wheel
