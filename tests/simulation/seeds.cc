#include "tests/simulation/seeds.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>

#include "gtest/gtest.h"

namespace timerd::simulation {
namespace {

// For a TIMERD_CHECK in the server, which ends the process before the test can say anything.
std::string current_replay;

void SayWhereAborted(int) {
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, current_replay.data(), current_replay.size());
  std::signal(SIGABRT, SIG_DFL);
  std::raise(SIGABRT);
}

}  // namespace

uint64_t ForEachSeed(uint64_t count, const std::function<std::string(uint64_t seed)>& run) {
  std::signal(SIGABRT, SayWhereAborted);
  const char* replay = std::getenv("TIMERD_SEED");
  const uint64_t first = replay != nullptr ? std::strtoull(replay, nullptr, 10)
                                           : (uint64_t{std::random_device()()} << 16);
  const uint64_t seeds = replay != nullptr ? 1 : count;
  std::cout << "seeds " << first << " to " << first + seeds - 1 << std::endl;
  for (uint64_t seed = first; seed < first + seeds && !testing::Test::HasFailure(); ++seed) {
    current_replay = "replay with: TIMERD_SEED=" + std::to_string(seed) + " simulation_test\n";
    EXPECT_EQ(run(seed), "") << current_replay;
  }
  std::signal(SIGABRT, SIG_DFL);
  return seeds;
}

}  // namespace timerd::simulation
