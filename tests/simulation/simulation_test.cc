// A shard beside its model, through crashes. TIMERD_SEED=n replays the seed n.
#include "tests/simulation/simulation.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace timerd::simulation {
namespace {

constexpr uint64_t kSeeds = 1000;
constexpr int kSteps = 400;

// For a TIMERD_CHECK in the server, which ends the process before the test can say anything.
std::string current_replay;

void SayWhereAborted(int) {
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, current_replay.data(), current_replay.size());
  std::signal(SIGABRT, SIG_DFL);
  std::raise(SIGABRT);
}

Tally RunSeed(uint64_t seed) {
  current_replay = "replay with: TIMERD_SEED=" + std::to_string(seed) + " simulation_test\n";
  Simulation simulation(seed);
  simulation.Run(kSteps);
  EXPECT_EQ(simulation.failure(), "") << current_replay;
  return simulation.tally();
}

TEST(SimulationTest, DoesWhatTheModelAllowsThroughLateDisksAndCrashes) {
  std::signal(SIGABRT, SayWhereAborted);
  const char* replay = std::getenv("TIMERD_SEED");
  const uint64_t first = replay != nullptr ? std::strtoull(replay, nullptr, 10)
                                           : (uint64_t{std::random_device()()} << 16);
  const uint64_t seeds = replay != nullptr ? 1 : kSeeds;
  std::cout << "seeds " << first << " to " << first + seeds - 1 << std::endl;
  Tally tally;
  for (uint64_t seed = first; seed < first + seeds && !HasFailure(); ++seed) {
    tally += RunSeed(seed);
  }
  std::signal(SIGABRT, SIG_DFL);
  std::cout << tally.commands << " commands (" << tally.refusals << " refused), " << tally.events
            << " events (" << tally.redeliveries << " again), " << tally.frames << " frames, "
            << tally.crashes << " crashes (" << tally.frames_lost << " frames lost, "
            << tally.unacknowledged_kept << " kept unknown), " << tally.rows << " rows listed, "
            << tally.shrunk << " shrunk windows, wall clock set " << tally.wall_steps << " times, "
            << tally.replaced << " replaced" << std::endl;
  if (replay == nullptr && !HasFailure()) {
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
