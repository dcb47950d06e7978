// Errors with a machine-readable reason, and two macros to pass them on.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/base/instant.h"

namespace timerd {

// Why a call was refused, beyond its status code. The names go over the wire
// (proto/timerd/v1/timers.proto lists them), so they never change.
enum class Reason {
  kInvalidField,
  kWrongKind,
  kUnknownId,
  kIdInUse,
  kAlreadyCalled,
  kAlreadyCancelled,
  kAlreadyReported,
  kNotRunning,
  kNotFired,
  kRunUnderWay,
  kPaused,
  kNotPaused,
  kNotVirtual,
  kLimitExceeded,
  kSlowReader,
  kShuttingDown,
  kUnknownQueue,
  kUnknownDeadLetter,
  kNotLeased,
  kNotYours,
  kRegistered,
  kNotRegistered,
};

// "ALREADY_CANCELLED" and so on.
absl::string_view ReasonName(Reason reason);

// A status whose code follows from `reason`. `detail` is the one fact that goes with the reason:
// the field for kInvalidField, the flag for kLimitExceeded, the end for kAlreadyCalled.
absl::Status Refuse(Reason reason, absl::string_view message, absl::string_view detail = "");

// What Refuse() put in; empty for a status from elsewhere.
std::string ReasonOf(const absl::Status& status);
std::string DetailOf(const absl::Status& status);
// `status`, a refusal by the flag `limit` ("max-delay") although its reason does not say so. For
// the count of refusals: it does not travel.
absl::Status ByLimit(absl::string_view limit, absl::Status status);
// When to ask again where nobody can foresee when there will be room: of what a shard works off by
// itself, and of what has to be ended or carried out by others first.
inline constexpr Span kRetrySoon = std::chrono::milliseconds(100);
inline constexpr Span kRetryLater = std::chrono::seconds(1);
// `status`, a refusal of what may be asked for again `delay` from now.
absl::Status RetryAfter(Span delay, absl::Status status);
// That delay; nothing where waiting is no use.
absl::optional<Span> RetryDelayOf(const absl::Status& status);
// The same refusal, said of something: `prefix` goes before the message.
absl::Status Prefixed(absl::string_view prefix, const absl::Status& status);
// The flag that refused; empty if it was something else.
std::string LimitOf(const absl::Status& status);
// The key under which the detail travels: "field", "limit", "end", or empty where there is none.
absl::string_view DetailKey(absl::string_view reason);

}  // namespace timerd

#define TIMERD_RETURN_IF_ERROR(expression)                                \
  do {                                                                    \
    if (absl::Status timerd_status = (expression); !timerd_status.ok()) { \
      return timerd_status;                                               \
    }                                                                     \
  } while (false)

#define TIMERD_CONCAT_INNER(a, b) a##b
#define TIMERD_CONCAT(a, b) TIMERD_CONCAT_INNER(a, b)
#define TIMERD_ASSIGN_OR_RETURN(left, expression) \
  TIMERD_ASSIGN_OR_RETURN_IMPL(TIMERD_CONCAT(timerd_or_, __LINE__), left, expression)
#define TIMERD_ASSIGN_OR_RETURN_IMPL(or_value, left, expression) \
  auto or_value = (expression);                                  \
  if (!or_value.ok()) {                                          \
    return or_value.status();                                    \
  }                                                              \
  left = *std::move(or_value)
