// How a receiver knows that a push comes from this server: HMAC-SHA256 with a key that both have.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace timerd::push {

// The key in the file that --push-secret-file names: its bytes without white space at its end.
absl::StatusOr<std::string> ReadSecret(const std::string& file);

// "t=<unix_seconds>,v1=<hex>": the header Timerd-Signature, over "<unix_seconds>.<body>".
std::string Sign(absl::string_view secret, int64_t unix_seconds, absl::string_view body);

}  // namespace timerd::push
