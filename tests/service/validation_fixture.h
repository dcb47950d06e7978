// Requests as text, and what validation makes of them under small limits.
#pragma once

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

#include "server/service/validation.h"
#include "tests/support/status_matchers.h"

namespace timerd::service {

using ::timerd::testing::HasStatus;
using ::timerd::testing::IsOk;
using ::timerd::testing::IsRefused;

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

class ValidationTest : public ::testing::Test {
 protected:
  auto Schedule(const std::string& text) const {
    return validator_.ToSpec(Parse<v1::ScheduleRequest>(text));
  }
  auto StartLoop(const std::string& text) const {
    return validator_.ToSpec(Parse<v1::StartLoopRequest>(text));
  }
  auto WithTimeout(const std::string& text) const {
    return validator_.ToSpec(Parse<v1::WithTimeoutRequest>(text));
  }
  auto Move(const std::string& text) const {
    return validator_.ToMove(Parse<v1::RescheduleRequest>(text));
  }
  auto ChangeInterval(const std::string& text) const {
    return validator_.ToInterval(Parse<v1::ChangeIntervalRequest>(text));
  }
  auto Advance(const std::string& text) const {
    return validator_.ToWay(Parse<v1::AdvanceRequest>(text));
  }
  auto Report(const std::string& text) const {
    return validator_.ToOutcome(Parse<v1::ReportRequest>(text));
  }

  const Validator validator_{{.max_id_bytes = 4,
                              .max_payload_bytes = 4,
                              .max_request_bytes = 64,
                              .max_delay = std::chrono::seconds(100)}};
};

// INVALID_ARGUMENT, with `part` in its message.
inline auto BadField(absl::string_view part) {
  return ::testing::AllOf(IsRefused(Reason::kInvalidField),
                          HasStatus(absl::StatusCode::kInvalidArgument, std::string(part)));
}
// The refusal names `field` in its details, beside its message.
MATCHER_P(NamesField, field, "names field " + std::string(field)) {
  *result_listener << DetailOf(::timerd::testing::GetStatus(arg));
  return DetailOf(::timerd::testing::GetStatus(arg)) == field;
}
inline auto BadField(const std::string& field, absl::string_view part) {
  return ::testing::AllOf(BadField(part), NamesField(field));
}
// RESOURCE_EXHAUSTED, with `part` in its message.
inline auto OverLimit(absl::string_view part) {
  return ::testing::AllOf(IsRefused(Reason::kLimitExceeded),
                          HasStatus(absl::StatusCode::kResourceExhausted, std::string(part)));
}

}  // namespace timerd::service
