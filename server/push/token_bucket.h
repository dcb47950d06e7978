// How many may begin in a second.
#pragma once

#include <cstdint>

#include "server/base/instant.h"

namespace timerd::push {

// A bucket of `per_second` x 10 ms tokens, at least one: at most `per_second` + 1 %, + 1 in any
// second, evenly spread. `per_second` 0: no limit.
class TokenBucket {
 public:
  explicit TokenBucket(double per_second);

  // When the next token is there; not after `now`: at once.
  Instant ReadyAt(Instant now) const;
  // The same for the one that comes after `others` more.
  Instant ReadyAfter(Instant now, int64_t others) const;
  // Takes it. REQUIRES: ReadyAt(now) <= now.
  void Take(Instant now);

 private:
  const Span interval_;            // between two tokens; 0: no limit
  const Span slack_;               // how much early a token may be taken: what fits into the bucket
  Instant next_ = Instant::min();  // when it would be taken if all came evenly
};

}  // namespace timerd::push
