#include "client/cli/text.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace timerd::cli {
namespace {

// Decodes the character that `bytes` begins with. Returns its length, or 0 when it is no UTF-8 in
// the sense of RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
size_t Decode(absl::string_view bytes, char32_t* character) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t first = at(0);
  if (first < 0x80) {
    *character = first;
    return 1;
  }
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (first < 0xC2 || first > 0xF4 || bytes.size() < length) {
    return 0;
  }
  char32_t value = first & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) {
      return 0;
    }
    value = value << 6 | (at(i) & 0x3F);
  }
  if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    return 0;
  }
  *character = value;
  return length;
}

// C0, DEL and C1: what could steer a terminal.
bool IsControl(char32_t character) {
  return character < 0x20 || (character >= 0x7F && character < 0xA0);
}

void AppendEscaped(char32_t character, absl::string_view raw, std::string* out) {
  switch (character) {
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    default:
      break;
  }
  if (IsControl(character)) {
    absl::StrAppendFormat(out, "\\u%04x", static_cast<uint32_t>(character));
  } else {
    absl::StrAppend(out, raw);
  }
}

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

bool IsUtf8(absl::string_view bytes) {
  while (!bytes.empty()) {
    char32_t character;
    const size_t length = Decode(bytes, &character);
    if (length == 0) {
      return false;
    }
    bytes.remove_prefix(length);
  }
  return true;
}

size_t Width(absl::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

std::string Padded(absl::string_view text, size_t width) {
  std::string padded(text);
  padded.append(width - std::min(width, Width(text)), ' ');
  return padded;
}

std::string JsonString(absl::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    char32_t character = 0;
    const size_t length = std::max<size_t>(Decode(text, &character), 1);
    AppendEscaped(character, text.substr(0, length), &out);
    text.remove_prefix(length);
  }
  return absl::StrCat(out, "\"");
}

std::string PayloadText(absl::string_view payload, size_t limit) {
  if (!IsUtf8(payload)) {
    const absl::string_view shown = payload.substr(0, limit / 2);
    return absl::StrCat("0x", absl::BytesToHexString(shown),
                        shown.size() < payload.size() ? "…" : "", " (", payload.size(), " bytes)");
  }
  std::string out = "\"";
  absl::string_view rest = payload;
  for (size_t count = 0; count < limit && !rest.empty(); ++count) {
    char32_t character = 0;
    const size_t length = std::max<size_t>(Decode(rest, &character), 1);
    AppendEscaped(character, rest.substr(0, length), &out);
    rest.remove_prefix(length);
  }
  return rest.empty() ? absl::StrCat(out, "\"")
                      : absl::StrCat(out, "…\" (", payload.size(), " bytes)");
}

std::string ShellWord(absl::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains("_-./:@%+,=", absl::string_view(&c, 1));
  });
  return plain ? std::string(text)
               : absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

absl::string_view Nearest(absl::string_view text,
                          const std::vector<absl::string_view>& candidates) {
  absl::string_view nearest;
  // A third of the letters may be wrong, so that short words are not "corrected" to anything.
  size_t best = std::max<size_t>(text.size() / 3, 1) + 1;
  for (const absl::string_view candidate : candidates) {
    if (const size_t distance = EditDistance(text, candidate); distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  if (nearest.empty() && text.size() >= 2) {
    for (const absl::string_view candidate : candidates) {
      const bool is_part = text.size() >= 4 && absl::StrContains(candidate, text);
      if (is_part || absl::StartsWith(candidate, text) || absl::StartsWith(text, candidate)) {
        return candidate;
      }
    }
  }
  return nearest;
}

std::vector<std::string> Wrapped(absl::string_view text, size_t width) {
  std::vector<std::string> lines(1);
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    if (!lines.back().empty() && Width(lines.back()) + 1 + Width(word) > width) {
      lines.emplace_back();
    }
    absl::StrAppend(&lines.back(), lines.back().empty() ? "" : " ", word);
  }
  return lines;
}

}  // namespace timerd::cli
