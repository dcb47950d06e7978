#include "tests/bench/results.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <regex>

namespace timerd::bench {
namespace {

[[noreturn]] void Die(const std::string& path, const char* problem) {
  std::fprintf(stderr, "%s: %s\n", path.c_str(), problem);
  std::exit(1);
}

// The members of a flat object of numbers. Names are plain: no escapes in them.
std::map<std::string, double> Read(const std::string& path) {
  std::map<std::string, double> figures;
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.empty()) {
    return figures;
  }
  const std::regex member(R"re(\s*"([^"\\]*)"\s*:\s*([-+.0-9eE]+)\s*,?\s*)re");
  const size_t open = text.find('{');
  const size_t close = text.rfind('}');
  if (open == std::string::npos || close == std::string::npos) {
    Die(path, "not a JSON object");
  }
  auto at = text.begin() + static_cast<std::ptrdiff_t>(open) + 1;
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(close);
  for (std::smatch match;
       std::regex_search(at, end, match, member, std::regex_constants::match_continuous);) {
    figures[match[1]] = std::strtod(match[2].str().c_str(), nullptr);
    at = match[0].second;
  }
  if (std::string(at, end).find_first_not_of(" \t\r\n") != std::string::npos) {
    Die(path, "not a flat JSON object of numbers");
  }
  return figures;
}

}  // namespace

void Results::Add(const std::string& name, double value, const std::string& unit) {
  std::printf("%-52s %14.*f %s\n", name.c_str(), std::abs(value) < 100 ? 2 : 0, value,
              unit.c_str());
  std::fflush(stdout);
  figures_[name] = value;
}

void Results::Write(const std::string& path) const {
  std::map<std::string, double> all = Read(path);
  for (const auto& [name, value] : figures_) {
    all[name] = value;
  }
  std::ofstream file(path);
  file << std::setprecision(6) << "{";
  const char* separator = "\n";
  for (const auto& [name, value] : all) {
    file << separator << "  \"" << name << "\": " << value;
    separator = ",\n";
  }
  file << "\n}\n";
  if (!file.flush()) {
    Die(path, "cannot be written");
  }
}

}  // namespace timerd::bench
