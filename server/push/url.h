// A push target's URL, taken apart as libcurl takes it apart and put together anew.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace timerd::push {

// What is checked is what is called: everything here comes from one parse, and calls are made to
// it, never to the text that it was parsed from.
struct Url {
  std::string scheme;  // http, https or grpc
  std::string host;    // lower case; an IPv6 address has its brackets
  uint16_t port = 0;   // the scheme's default where the text has none
  std::string path;    // begins with a slash; as it was written, which is how it is sent
  std::string query;   // without its question mark; may be empty

  // "https://host:port/path?query".
  std::string ToString() const;
  // The same for people: without the query, where receivers like to keep secrets.
  std::string ToText() const;
  // "host:port".
  std::string Authority() const;
};

// Errors are a sentence's end: "has a user name in it, ...". Refused is not only what is malformed
// but all that two parsers could understand in two ways: names of users, fragments, backslashes,
// non-ASCII, hosts with a dot at the end, dot segments, dots, slashes and percent signs that are
// percent-encoded.
absl::StatusOr<Url> ParseUrl(absl::string_view text);

}  // namespace timerd::push
