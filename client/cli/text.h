// Strings made safe for where they go: a terminal, a JSON line, a shell.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace timerd::cli {

bool IsUtf8(absl::string_view bytes);

// The number of characters, for aligning columns. REQUIRES: IsUtf8(text).
size_t Width(absl::string_view text);

// `text` with blanks behind it up to `width` characters.
std::string Padded(absl::string_view text, size_t width);

// A JSON string with its quotes. REQUIRES: IsUtf8(text).
std::string JsonString(absl::string_view text);

// A payload for a terminal: quoted text in which control characters are escaped, or hex when it is
// no UTF-8. More than `limit` characters are cut, and the size told instead.
std::string PayloadText(absl::string_view payload, size_t limit);

// `text` as one word of a POSIX shell, quoted only where it must be.
std::string ShellWord(absl::string_view text);

// The one of `candidates` that `text` was most likely meant to be; empty when none is near.
absl::string_view Nearest(absl::string_view text, const std::vector<absl::string_view>& candidates);

// `text` broken at blanks into lines of at most `width` characters where its words allow.
std::vector<std::string> Wrapped(absl::string_view text, size_t width);

}  // namespace timerd::cli
