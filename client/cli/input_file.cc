#include "client/cli/input_file.h"

#include <algorithm>
#include <fstream>
#include <iostream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace timerd::cli {

absl::StatusOr<std::string> ReadInputFile(const std::string& name, size_t limit) {
  std::ifstream file;
  if (name != "-") {
    file.open(name, std::ios::binary);
  }
  std::istream& in = name == "-" ? std::cin : file;
  std::string bytes;
  char chunk[65536];
  while (in && bytes.size() <= limit) {
    in.read(chunk, static_cast<std::streamsize>(std::min(sizeof chunk, limit + 1 - bytes.size())));
    bytes.append(chunk, static_cast<size_t>(in.gcount()));
  }
  if (bytes.size() > limit) {
    return absl::OutOfRangeError(absl::StrCat("holds more than ", limit >> 20, " MiB"));
  }
  if (in.bad() || !in.eof() || (name != "-" && !file.is_open())) {
    return absl::InvalidArgumentError(
        "cannot be read; name a readable file, or - for standard input");
  }
  return bytes;
}

}  // namespace timerd::cli
