#include "server/timer/time_zone.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/status.h"

namespace timerd::timer {
namespace {

constexpr size_t kMaxBytes = 64;

// absl::LoadTimeZone takes paths, "libc:..." and "localtime" too, which are not for clients to
// name. What distinguishes IANA names, and keeps them within the folder: they begin with a capital
// letter, as no other file in it does, and have no dots.
bool LooksLikeAName(absl::string_view name) {
  return absl::ascii_isupper(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '_' ||
                  c == '+' || c == '-';
         });
}

// This Abseil remembers every name it was ever asked for, also those without a zone. So it is asked
// only for those that have a file, of which there are some hundreds.
bool HasFile(absl::string_view name) {
  const char* folder = std::getenv("TZDIR");  // where Abseil looks
  if (folder == nullptr || *folder == '\0') {
    folder = "/usr/share/zoneinfo";
  }
  std::error_code error;
  return std::filesystem::is_regular_file(absl::StrCat(folder, "/", name), error);
}

}  // namespace

absl::StatusOr<absl::TimeZone> FindTimeZone(absl::string_view name) {
  if (name.empty() || name == "UTC") {
    return absl::UTCTimeZone();
  }
  if (name.size() > kMaxBytes) {
    return Refuse(Reason::kInvalidField,
                  absl::StrCat("cron.time_zone of ", name.size(), " bytes is longer than ",
                               kMaxBytes, " bytes; use an IANA name such as \"Europe/Berlin\""),
                  "cron.time_zone");
  }
  absl::TimeZone zone;
  if (!LooksLikeAName(name) || !HasFile(name) || !absl::LoadTimeZone(name, &zone)) {
    return Refuse(Reason::kInvalidField,
                  absl::StrCat("cron.time_zone \"", absl::CHexEscape(name),
                               "\" is not in this server's time zone database; use an IANA name "
                               "such as \"Europe/Berlin\", or install tzdata if it is missing"),
                  "cron.time_zone");
  }
  return zone;
}

}  // namespace timerd::timer
