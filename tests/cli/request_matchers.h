// What requests_test.cc and its neighbours expect of a command line.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/verb_table.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"

namespace timerd::cli {

template <typename T>
absl::StatusOr<T> Make(absl::StatusOr<T> (*make)(const Arguments&),
                       const std::vector<std::string>& words) {
  const absl::StatusOr<Arguments> arguments = Arguments::Parse(words, AllVerbs(), GlobalFlags());
  return arguments.ok() ? make(*arguments) : arguments.status();
}

template <typename T>
void ExpectRequest(const absl::StatusOr<T>& request, const std::string& expected) {
  ASSERT_TRUE(request.ok()) << request.status();
  T wanted;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(expected, &wanted)) << expected;
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*request, wanted))
      << request->DebugString();
}

template <typename T>
void ExpectError(const absl::StatusOr<T>& request, const std::string& message) {
  EXPECT_THAT(std::string(request.status().message()), ::testing::HasSubstr(message));
}

}  // namespace timerd::cli
