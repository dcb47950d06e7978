// Answers and events as one line of text each: what is compared with the model, and what a failure
// shows.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/reactor/command.h"

namespace timerd::simulation {

// Seconds after testing::kStart.
std::string Describe(Instant instant);
std::string Describe(const reactor::Notice& notice);
std::string Describe(const reactor::Opened& opened);
std::string Describe(const reactor::Cancelled& cancelled);
std::string Describe(const reactor::Stopped& stopped);
std::string Describe(const reactor::Steered& steered);
std::string Describe(const reactor::Reported& reported);
std::string Describe(const reactor::Moved& moved);
// All that Get promises, and nothing about how it is kept.
std::string Describe(const timer::Handle& handle, Span wall_ahead);
std::string Describe(const reactor::Got& got);
// A refusal: its reason and detail; the wording is the unit tests' business.
std::string DescribeRefusal(const absl::Status& status);

template <typename T>
std::string Describe(const absl::StatusOr<T>& answer) {
  return answer.ok() ? Describe(*answer) : DescribeRefusal(answer.status());
}

}  // namespace timerd::simulation
