#include "server/push/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace timerd::push {
namespace {

constexpr size_t kLeastBytes = 16;
constexpr size_t kMostBytes = 4096;

}  // namespace

absl::StatusOr<std::string> ReadSecret(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    return absl::InvalidArgumentError(
        absl::StrCat("--push-secret-file: cannot read ", file, ": ", std::strerror(errno)));
  }
  std::string secret(kMostBytes + 1, '\0');
  in.read(secret.data(), static_cast<std::streamsize>(secret.size()));
  if (in.bad()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--push-secret-file: cannot read ", file, "; name a file"));
  }
  secret.resize(static_cast<size_t>(in.gcount()));
  const bool too_long = secret.size() > kMostBytes;
  absl::StripTrailingAsciiWhitespace(&secret);
  if (too_long || secret.size() < kLeastBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("--push-secret-file: the key in ", file, " has ", too_long ? "more than " : "",
                     too_long ? kMostBytes : secret.size(), " bytes; use ", kLeastBytes, " to ",
                     kMostBytes, ", such as those of `openssl rand -hex 32`"));
  }
  return secret;
}

std::string Sign(absl::string_view secret, int64_t unix_seconds, absl::string_view body) {
  const std::string text = absl::StrCat(unix_seconds, ".", body);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  TIMERD_CHECK(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                    reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest,
                    &size) != nullptr);
  return absl::StrCat(
      "t=", unix_seconds, ",v1=",
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size)));
}

}  // namespace timerd::push
