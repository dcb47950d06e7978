// What every simulation is: chances from one seed, a clock that only it moves, and a verdict.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "server/clock/clock.h"
#include "server/reactor/shard.h"

namespace timerd::simulation {

using Chances = std::mt19937_64;
inline uint64_t Below(Chances& chances, uint64_t bound) { return chances() % bound; }

class Experiment {
 public:
  // What the shard did that the model does not allow, with the last steps before it; empty if all
  // is well.
  const std::string& failure() const { return failure_; }

 protected:
  // A verdict shows the last `trace_lines` steps.
  Experiment(uint64_t seed, reactor::ShardOptions (*any_options)(Chances&), size_t trace_lines)
      : random_(seed), options_(any_options(random_)), trace_lines_(trace_lines) {}
  ~Experiment() = default;

  uint64_t Below(uint64_t bound) { return simulation::Below(random_, bound); }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

  // The first failure counts; the verdict shows the options with it.
  bool Failed() const { return !failure_.empty(); }
  void Fail(const std::string& what);
  void Check(bool holds, const std::string& what);
  void CheckOk(const absl::Status& status, const std::string& doing);
  void Trace(const std::string& line);

  Chances random_;
  reactor::ShardOptions options_;  // of the shard that is looked at
  clock::Reading clock_;           // now

 private:
  const size_t trace_lines_;
  std::deque<std::string> trace_;
  std::string failure_;
};

}  // namespace timerd::simulation
