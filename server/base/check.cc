#include "server/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace timerd::internal {

void CheckFailed(absl::string_view condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken invariant: %.*s\n", file, line,
               static_cast<int>(condition.size()), condition.data());
  std::abort();
}

}  // namespace timerd::internal
