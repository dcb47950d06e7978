#include "tests/bench/wheel/workload.h"

#include <cmath>
#include <numeric>
#include <utility>

namespace timerd::bench {

const char* NameOf(Delays kind) {
  switch (kind) {
    case Delays::kUniform:
      return "uni";
    case Delays::kExponential:
      return "exp";
    case Delays::kConstant:
      return "cst";
  }
  return "";
}

std::string NameOf(size_t timers) {
  return timers % 1'000'000 == 0 ? std::to_string(timers / 1'000'000) + "m"
                                 : std::to_string(timers);
}

namespace {

std::vector<uint32_t> MakeTable(Delays kind, size_t size) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> unit(0, 1);
  std::vector<uint32_t> table(size);
  for (uint32_t& delay : table) {
    const double u = unit(random);
    delay = 1 + static_cast<uint32_t>(kind == Delays::kUniform ? u * 3'600'000
                                                               : -30'000 * std::log(1 - u));
  }
  return table;
}

}  // namespace

DelayTable::DelayTable(Delays kind, size_t timers) : kind_(kind), timers_(timers) {
  static const std::vector<uint32_t> uniform = MakeTable(Delays::kUniform, kSize);
  static const std::vector<uint32_t> exponential = MakeTable(Delays::kExponential, kSize);
  table_ = (kind == Delays::kUniform ? uniform : exponential).data();
}

Draw::Draw(size_t n) : all_(n) { std::iota(all_.begin(), all_.end(), Id{0}); }

const std::vector<Id>& Draw::Distinct(size_t k) {
  for (size_t i = 0; i < k; ++i) {
    std::swap(all_[i], all_[i + random_() % (all_.size() - i)]);
  }
  drawn_.assign(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(k));
  return drawn_;
}

}  // namespace timerd::bench
