// How many may begin in a second.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "server/base/instant.h"

namespace timerd {

// What a rate may be limited to: above it a nanosecond is no fine enough measure.
inline constexpr uint32_t kMaxRate = 1'000'000;

// So many a second, and how many of them at once.
struct Rate {
  Span interval{};  // between two, if all came evenly; 0: no limit
  Span slack{};     // how much earlier than evenly one may come: what fits into the bucket

  // `per_second`, of which what comes evenly in `burst`, at least one, may come at once. 0 for
  // `per_second`: no limit. To the nanosecond, rounded so that it is never more: up to kMaxRate it
  // is less by 0.1 % at most.
  static Rate PerSecond(double per_second, Span burst = std::chrono::seconds(1));
  bool HasLimit() const { return interval > Span::zero(); }
};

// A bucket of tokens that fills at a rate, which each call names, since it may change. In any time
// t it gives at most what fits into it and what comes in t. Any thread; 8 bytes, and no lock.
//
// It keeps one number, when the next token would be taken if all came evenly. Source: the generic
// cell rate algorithm, as virtual scheduling: ITU-T I.371, annex A.
class TokenBucket {
 public:
  // Takes a token: zero. Or takes none, and says after how long there will be one.
  Span Take(Instant now, const Rate& rate);
  // A token that was taken at this rate is not used after all.
  void GiveBack(const Rate& rate);

  // When the next token is there; not after `now`: at once.
  Instant ReadyAt(Instant now, const Rate& rate) const;
  // The same for the one that comes after `others` more.
  Instant ReadyAfter(Instant now, int64_t others, const Rate& rate) const;

 private:
  std::atomic<int64_t> next_ns_{INT64_MIN};
};

}  // namespace timerd
