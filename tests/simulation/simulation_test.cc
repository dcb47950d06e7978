// A shard beside its model, through crashes. TIMERD_SEED=n replays the seed n.
#include "tests/simulation/simulation.h"

#include <iostream>

#include "gtest/gtest.h"
#include "tests/simulation/seeds.h"

namespace timerd::simulation {
namespace {

constexpr uint64_t kSeeds = 1000;
constexpr int kSteps = 400;

TEST(SimulationTest, DoesWhatTheModelAllowsThroughLateDisksAndCrashes) {
  Tally tally;
  const uint64_t seeds = ForEachSeed(kSeeds, [&tally](uint64_t seed) {
    Simulation simulation(seed);
    simulation.Run(kSteps);
    tally += simulation.tally();
    return simulation.failure();
  });
  std::cout << tally.commands << " commands (" << tally.refusals << " refused), " << tally.events
            << " events (" << tally.redeliveries << " again), " << tally.frames << " frames, "
            << tally.crashes << " crashes (" << tally.frames_lost << " frames lost, "
            << tally.unacknowledged_kept << " kept unknown), " << tally.rows << " rows listed, "
            << tally.shrunk << " shrunk windows, wall clock set " << tally.wall_steps << " times, "
            << tally.replaced << " replaced" << std::endl;
  if (seeds == kSeeds && !HasFailure()) {
    EXPECT_GT(tally.commands, seeds * 100);
    EXPECT_GT(tally.refusals, seeds);
    EXPECT_GT(tally.events, seeds * 20);
    EXPECT_GT(tally.redeliveries, 0u);
    EXPECT_GT(tally.frames_lost, 0u);
    EXPECT_GT(tally.unacknowledged_kept, 0u);
    EXPECT_GT(tally.rows, seeds);
    EXPECT_GT(tally.shrunk, 0u);
    EXPECT_GT(tally.fired_for_a_command, 0u);
    EXPECT_GT(tally.wall_steps, seeds);
    EXPECT_GT(tally.replaced, seeds);
  }
}

}  // namespace
}  // namespace timerd::simulation
