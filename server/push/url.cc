#include "server/push/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/status.h"

namespace timerd::push {
namespace {

constexpr size_t kMaxBytes = 2048;

absl::Status Bad(absl::string_view why) { return absl::InvalidArgumentError(why); }

// libcurl's parse of one URL.
class CurlUrl {
 public:
  absl::Status Parse(const std::string& text) {
    // grpc is none of libcurl's schemes. Paths as they are: a segment ".." is refused, not
    // resolved.
    const CURLUcode code =
        curl_url_set(url_.get(), CURLUPART_URL, text.c_str(),
                     CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS | CURLU_DISALLOW_USER);
    return code == CURLUE_OK ? absl::OkStatus()
           : code == CURLUE_USER_NOT_ALLOWED
               ? Bad("has a user name in it; authenticate with the signature instead")
               : Bad(absl::StrCat("is no URL: ", curl_url_strerror(code)));
  }
  // Empty where there is none.
  std::string Get(CURLUPart part, unsigned flags = 0) const {
    char* text = nullptr;
    if (curl_url_get(url_.get(), part, &text, flags) != CURLUE_OK) {
      return "";
    }
    std::string copy = text;
    curl_free(text);
    return copy;
  }

 private:
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url_{curl_url(), &curl_url_cleanup};
};

absl::Status CheckHost(absl::string_view host) {
  if (host.empty()) {
    return Bad("has no host");
  }
  if (host.back() == '.') {
    return Bad("has a host that ends in a dot; leave the dot out");
  }
  const bool plain = std::all_of(host.begin(), host.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_' ||
           c == ':' || c == '[' || c == ']';
  });
  return plain ? absl::OkStatus()
               : Bad("has a host with other characters than letters, digits, '-', '_' and '.'");
}

absl::Status CheckPath(absl::string_view path) {
  for (size_t percent = path.find('%'); percent != absl::string_view::npos;
       percent = path.find('%', percent + 1)) {
    const std::string code = absl::AsciiStrToLower(path.substr(percent + 1, 2));
    if (code.size() != 2 || !absl::ascii_isxdigit(code[0]) || !absl::ascii_isxdigit(code[1])) {
      return Bad("has a '%' in its path without two hexadecimal digits");
    }
    // What could become a border, or another code, when a receiver decodes it.
    for (const absl::string_view hidden : {"00", "25", "2e", "2f", "3b", "5c"}) {
      if (code == hidden) {
        return Bad(absl::StrCat("has %", code, " in its path; what it stands for is not allowed"));
      }
    }
  }
  for (const absl::string_view segment : absl::StrSplit(path, '/')) {
    // "..;x" is ".." to servers that know parameters of segments.
    const absl::string_view name = segment.substr(0, segment.find(';'));
    if (name == "." || name == "..") {
      return Bad(absl::StrCat("has the segment \"", segment, "\" in its path; write the path out"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string Url::Authority() const { return absl::StrCat(host, ":", port); }
std::string Url::ToText() const { return absl::StrCat(scheme, "://", Authority(), path); }
std::string Url::ToString() const {
  return query.empty() ? ToText() : absl::StrCat(ToText(), "?", query);
}

absl::StatusOr<Url> ParseUrl(absl::string_view text) {
  if (text.size() > kMaxBytes) {
    return Bad(absl::StrCat("has ", text.size(), " bytes, more than ", kMaxBytes));
  }
  for (const char c : text) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c)) || c == '\\') {
      return Bad("has a space, a backslash, a control or a non-ASCII character in it");
    }
  }
  CurlUrl parsed;
  TIMERD_RETURN_IF_ERROR(parsed.Parse(std::string(text)));
  Url url;
  url.scheme = absl::AsciiStrToLower(parsed.Get(CURLUPART_SCHEME));
  const bool is_grpc = url.scheme == "grpc";
  if (url.scheme != "http" && url.scheme != "https" && !is_grpc) {
    return Bad(absl::StrCat("has the scheme \"", url.scheme, "\"; use http, https or grpc"));
  }
  // libcurl would take "http:/host" and "http:///host" too.
  if (const absl::string_view rest = text.substr(url.scheme.size());
      rest.substr(0, 3) != "://" || rest.substr(3, 1) == "/") {
    return Bad("has not two slashes before its host");
  }
  // An empty user ("http://@host/") is none to libcurl.
  const absl::string_view after = text.substr(url.scheme.size() + 3);
  if (after.substr(0, after.find_first_of("/?#")).find('@') != absl::string_view::npos) {
    return Bad("has an '@' before its host; leave it out");
  }
  if (text.find('#') != absl::string_view::npos) {
    return Bad("has a fragment, which is not sent; leave it out");
  }
  if (!parsed.Get(CURLUPART_ZONEID).empty()) {
    return Bad("has a zone in its address; use an address without one");
  }
  url.host = absl::AsciiStrToLower(parsed.Get(CURLUPART_HOST));
  TIMERD_RETURN_IF_ERROR(CheckHost(url.host));
  uint32_t port = 0;
  if (!absl::SimpleAtoi(parsed.Get(CURLUPART_PORT, CURLU_DEFAULT_PORT), &port) || port == 0 ||
      port > 65535) {
    return Bad("has no port, or one that is not 1 to 65535");
  }
  url.port = static_cast<uint16_t>(port);
  url.path = parsed.Get(CURLUPART_PATH);
  url.query = parsed.Get(CURLUPART_QUERY);
  if (is_grpc && (url.path != "/" || !url.query.empty())) {
    return Bad("has a path, and grpc has none; use grpc://host:port");
  }
  TIMERD_RETURN_IF_ERROR(CheckPath(url.path));
  return url;
}

}  // namespace timerd::push
