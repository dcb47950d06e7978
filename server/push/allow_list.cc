#include "server/push/allow_list.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/status.h"

namespace timerd::push {
namespace {

bool IsBelow(absl::string_view path, absl::string_view prefix) {
  return absl::StartsWith(path, prefix) &&
         (prefix.back() == '/' || path.size() == prefix.size() || path[prefix.size()] == '/');
}

}  // namespace

absl::StatusOr<AllowList> AllowList::Parse(const std::vector<std::string>& values) {
  AllowList list;
  for (const std::string& value : values) {
    for (const absl::string_view part : absl::StrSplit(value, ',')) {
      const absl::string_view text = absl::StripAsciiWhitespace(part);
      auto prefix = ParseUrl(text);
      if (!prefix.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--push-allow: \"", text, "\" ", prefix.status().message()));
      }
      if (!prefix->query.empty()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "--push-allow: \"", text, "\" has a query; give scheme, host, port and path only"));
      }
      list.prefixes_.push_back(*std::move(prefix));
    }
  }
  return list;
}

absl::StatusOr<Url> AllowList::Check(absl::string_view url, absl::string_view field) const {
  auto parsed = ParseUrl(url);
  if (!parsed.ok()) {
    return Refuse(Reason::kInvalidField,
                  absl::StrCat(field, ": \"", url.substr(0, 200), "\" ", parsed.status().message()),
                  field);
  }
  const bool allowed = std::any_of(prefixes_.begin(), prefixes_.end(), [&](const Url& prefix) {
    return parsed->scheme == prefix.scheme && parsed->host == prefix.host &&
           parsed->port == prefix.port && IsBelow(parsed->path, prefix.path);
  });
  if (!allowed) {
    return Refuse(Reason::kInvalidField,
                  absl::StrCat(field, ": \"", parsed->ToText(),
                               "\" is not below a URL that --push-allow names",
                               prefixes_.empty() ? "; this server pushes to nobody" : ""),
                  field);
  }
  return parsed;
}

}  // namespace timerd::push
