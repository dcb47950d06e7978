#include "tests/bench/program.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <stdexcept>

namespace timerd::bench {

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double Median(std::vector<double> values) {
  if (values.empty()) {
    return 0;
  }
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Options::Options(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const size_t equals = word.find('=');
    if (word == "--full") {
      full_ = true;
    } else if (word.rfind("--json=", 0) == 0) {
      json_ = word.substr(equals + 1);
    } else if (word.rfind("--", 0) == 0 && equals != std::string::npos) {
      others_[word.substr(2, equals - 2)] = word.substr(equals + 1);
    } else {
      throw std::invalid_argument("neither --full nor --NAME=VALUE: " + word);
    }
  }
}

uint64_t Options::Number(const std::string& name, uint64_t by_default) const {
  const auto found = others_.find(name);
  return found == others_.end() ? by_default : std::stoull(found->second);
}

int RunProgram(int argc, char** argv,
               const std::function<void(const Options&, Results&)>& measure) {
  Results results;
  std::string json;
  int code = 0;
  try {
    const Options options(argc, argv);
    json = options.json();
    measure(options, results);
  } catch (const std::exception& problem) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s: FAILED: %s\n", argv[0], problem.what());
    code = 1;
  }
  if (!json.empty()) {
    results.Write(json);
  }
  return code;
}

}  // namespace timerd::bench
