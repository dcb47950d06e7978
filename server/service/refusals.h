// How refusals of requests are worded.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/instant.h"
#include "server/base/status.h"

namespace timerd::service {

// What a message begins with: `timer "invoice-42"`, or just the first word where there is no id.
inline std::string Subject(absl::string_view call, absl::string_view id) {
  return id.empty() ? std::string(call) : absl::StrCat(call, " \"", id, "\"");
}

// INVALID_ARGUMENT for `field`.
template <typename... Parts>
absl::Status BadField(absl::string_view field, const Parts&... message) {
  return Refuse(Reason::kInvalidField, absl::StrCat(message...), field);
}

inline std::string Show(Span span) { return absl::FormatDuration(absl::FromChrono(span)); }

}  // namespace timerd::service
