// Runs of a simulation, one a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace timerd::simulation {

// Calls `run` with seeds, new ones each time, until one of them fails the test: `run` returns what
// went wrong, or nothing. With TIMERD_SEED=n only with n. Prints the seeds, and how to replay what
// fails, also when the server ends the process. Returns how many there were to be.
uint64_t ForEachSeed(uint64_t count, const std::function<std::string(uint64_t seed)>& run);

}  // namespace timerd::simulation
