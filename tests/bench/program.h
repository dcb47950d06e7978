// What the main() of every benchmark does besides measuring.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/bench/results.h"

namespace timerd::bench {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start);
// Of none: 0.
double Median(std::vector<double> values);

class Options {
 public:
  Options(int argc, char** argv);
  // Larger and longer: for a run that may take an hour instead of a minute.
  bool full() const { return full_; }
  // Where to keep the figures; empty for nowhere.
  const std::string& json() const { return json_; }
  // The number in --NAME=NUMBER; without such a flag `by_default`.
  uint64_t Number(const std::string& name, uint64_t by_default) const;

 private:
  bool full_ = false;
  std::string json_;
  std::map<std::string, std::string> others_;
};

// Measures, and keeps the figures that there are, also when `measure` throws: then it says why, and
// returns 1. For main() to return.
int RunProgram(int argc, char** argv, const std::function<void(const Options&, Results&)>& measure);

}  // namespace timerd::bench
