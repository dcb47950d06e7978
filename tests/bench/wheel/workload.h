// What every candidate has to do: N timers, and how far ahead they are due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace timerd::bench {

using Id = uint32_t;
using Millis = uint64_t;

// The time at which a candidate begins: a date of our century, in milliseconds since 1970.
inline constexpr Millis kStart = 1'800'000'000'000;

enum class Delays { kUniform, kExponential, kConstant };

// `uni`, `exp`, `cst`.
const char* NameOf(Delays kind);
// `1m`, `10m`; a number that is no whole million is written out.
std::string NameOf(size_t timers);

// An endless sequence of delays, the same in each run: uniform over an hour, exponential with a
// mean of 30 s, or 30 s. Constant ones that are scheduled at one instant are spread over as long
// again, in order: nobody starts all requests in the same millisecond.
class DelayTable {
 public:
  DelayTable(Delays kind, size_t timers);

  Millis Next() {
    const size_t i = next_++;
    return kind_ == Delays::kConstant ? kTtl + i % timers_ * kTtl / timers_ : table_[i % kSize];
  }

  static constexpr Millis kTtl = 30'000;

 private:
  static constexpr size_t kSize = size_t{1} << 22;

  Delays kind_;
  size_t timers_;
  size_t next_ = 0;
  const uint32_t* table_;
};

// Ids 0 to n-1, of which random ones can be drawn.
class Draw {
 public:
  explicit Draw(size_t n);

  // `k` distinct ids in random order; valid until the next call.
  const std::vector<Id>& Distinct(size_t k);

 private:
  std::mt19937_64 random_{2};
  std::vector<Id> all_;
  std::vector<Id> drawn_;
};

}  // namespace timerd::bench
