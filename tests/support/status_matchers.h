// GoogleTest matchers for absl::Status and absl::StatusOr.
#pragma once

#include <gmock/gmock.h>

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/status.h"

namespace timerd::testing {

inline const absl::Status& GetStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

// The value or status is OK.
MATCHER(IsOk, "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).ok();
}

// It was refused for `reason`, a timerd::Reason.
MATCHER_P(IsRefused, reason, "is refused as " + std::string(ReasonName(reason))) {
  *result_listener << GetStatus(arg).ToString();
  return !GetStatus(arg).ok() && ReasonOf(GetStatus(arg)) == ReasonName(reason);
}

// It has the status code `code` and a message with `part` in it.
MATCHER_P2(HasStatus, code, part, "") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code &&
         GetStatus(arg).message().find(part) != absl::string_view::npos;
}

}  // namespace timerd::testing

#define TIMERD_ASSERT_OK(expression) ASSERT_THAT(expression, ::timerd::testing::IsOk())
#define TIMERD_EXPECT_OK(expression) EXPECT_THAT(expression, ::timerd::testing::IsOk())
