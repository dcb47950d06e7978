// Queues of a shard beside their model, through crashes. TIMERD_SEED=n replays the seed n.
#include "tests/simulation/queue_simulation.h"

#include <iostream>

#include "gtest/gtest.h"
#include "tests/simulation/seeds.h"

namespace timerd::simulation {
namespace {

constexpr uint64_t kSeeds = 500;
constexpr int kSteps = 400;

TEST(QueueSimulationTest, DoesWhatTheModelAllowsThroughLateDisksAndCrashes) {
  QueueTally tally;
  const uint64_t seeds = ForEachSeed(kSeeds, [&tally](uint64_t seed) {
    QueueSimulation simulation(seed);
    simulation.Run(kSteps);
    tally += simulation.tally();
    return simulation.failure();
  });
  std::cout << tally.commands << " commands (" << tally.refused << " refused), " << tally.deliveries
            << " deliveries (" << tally.redeliveries << " again), " << tally.settled << " settled ("
            << tally.settled_over_a_crash << " over a crash), " << tally.lapses
            << " leases lapsed or taken away, " << tally.buried << " buried, " << tally.replayed
            << " replayed, " << tally.purged << " purged, " << tally.crashes << " crashes ("
            << tally.frames_lost << " frames lost)" << std::endl;
  if (seeds == kSeeds && !HasFailure()) {
    EXPECT_GT(tally.commands, seeds * 100);
    EXPECT_GT(tally.refused, seeds);
    EXPECT_GT(tally.deliveries, seeds * 20);
    EXPECT_GT(tally.redeliveries, seeds * 5);
    EXPECT_GT(tally.settled, seeds * 10);
    EXPECT_GT(tally.settled_over_a_crash, 0u);
    EXPECT_GT(tally.lapses, seeds);
    EXPECT_GT(tally.buried, seeds);
    EXPECT_GT(tally.replayed, 0u);
    EXPECT_GT(tally.purged, seeds);
    EXPECT_GT(tally.due_again, seeds / 10);
    EXPECT_GT(tally.fired_for_a_command, 0u);
    EXPECT_GT(tally.frames_lost, 0u);
  }
}

}  // namespace
}  // namespace timerd::simulation
