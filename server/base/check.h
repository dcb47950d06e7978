// TIMERD_CHECK: a broken invariant ends the process, in release too. Input is never checked by it.
#pragma once

#include "absl/base/optimization.h"
#include "absl/strings/string_view.h"

namespace timerd::internal {
[[noreturn]] void CheckFailed(absl::string_view condition, const char* file, int line);
}  // namespace timerd::internal

#define TIMERD_CHECK(condition)                        \
  (ABSL_PREDICT_TRUE(condition) ? static_cast<void>(0) \
                                : ::timerd::internal::CheckFailed(#condition, __FILE__, __LINE__))
