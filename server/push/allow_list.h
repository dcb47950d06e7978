// Which URLs may be push targets: the ones that the server's operator has named.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/push/url.h"

namespace timerd::push {

// Constant after construction. The default allows nothing.
class AllowList {
 public:
  AllowList() = default;

  // The values of --push-allow: each is a prefix, or several with commas between them, such as
  // "https://hooks.example.com/timerd/" or "grpc://10.0.0.7:9000".
  static absl::StatusOr<AllowList> Parse(const std::vector<std::string>& values);

  // The URL, if its scheme, host and port are a prefix's and its path begins with the prefix's and
  // ends there or has a slash there. Otherwise INVALID_FIELD, for the field `field`.
  absl::StatusOr<Url> Check(absl::string_view url, absl::string_view field) const;

 private:
  std::vector<Url> prefixes_;
};

}  // namespace timerd::push
