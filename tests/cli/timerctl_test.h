// timerctl as a shell runs it: the real binary against a fake server.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/cli/fake_server.h"
#include "tests/cli/process.h"

namespace timerd::cli {

struct Result {
  int code;
  std::string out;
  std::string err;
};

class TimerctlTest : public ::testing::Test {
 protected:
  std::vector<std::string> Environment() const {
    return {absl::StrCat("TIMERD_SERVER=", fake_.address()), "TZ=UTC",
            "http_proxy=http://127.0.0.1:1"};
  }

  static std::vector<std::string> Words(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TIMERCTL);
    return arguments;
  }

  Result Run(const std::vector<std::string>& arguments, const std::string& input = "") {
    Process process(Words(arguments), Environment(), input);
    const int code = process.Wait();
    return {code, process.out(), process.err()};
  }

  FakeServer fake_;
};

}  // namespace timerd::cli
