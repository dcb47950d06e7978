// How calls ended.
#include "server/service/call_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "server/base/status.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::service {
namespace {

using ::testing::ElementsAre;

uint64_t Calls(const CallCounts& counts, const std::string& method, absl::StatusCode code) {
  const auto& methods = counts.methods();
  const auto found = std::find(methods.begin(), methods.end(), method);
  EXPECT_NE(found, methods.end()) << method;
  return counts.calls(static_cast<size_t>(found - methods.begin()), static_cast<size_t>(code));
}

uint64_t Refused(const CallCounts& counts, absl::string_view limit) {
  const auto* const found =
      std::find(CallCounts::kLimits.begin(), CallCounts::kLimits.end(), limit);
  EXPECT_NE(found, CallCounts::kLimits.end()) << limit;
  return counts.refused(static_cast<size_t>(found - CallCounts::kLimits.begin()));
}

TEST(CallCountsTest, KnowsTheMethodsOfTheApi) {
  EXPECT_THAT(CallCounts().methods(),
              ElementsAre("Schedule", "StartLoop", "WithTimeout", "Watch", "Cancel", "StopLoop",
                          "Report", "Reschedule", "PauseLoop", "ResumeLoop", "ResetLoop",
                          "ChangeInterval", "TriggerLoop", "Batch", "Submit", "Get", "List", "Now",
                          "Advance", "AdvanceToNext", "Work", "GetQueue", "ListQueues",
                          "ConfigureQueue", "PauseQueue", "ResumeQueue", "PurgeQueue",
                          "ListDeadLetters", "ReplayDeadLetters", "PurgeDeadLetters"));
}

TEST(CallCountsTest, CountsByMethodAndCode) {
  CallCounts counts;
  counts.Count<v1::ScheduleResponse>(absl::OkStatus());
  counts.Count<v1::CancelRequest>(absl::OkStatus());
  counts.Count<v1::CancelRequest>(absl::OkStatus());
  counts.Count<v1::CancelRequest>(Refuse(Reason::kUnknownId, "x"));
  counts.Count<v1::ListRequest>(absl::UnauthenticatedError("the code with the largest number"));
  EXPECT_EQ(Calls(counts, "Schedule", absl::StatusCode::kOk), 1u);
  EXPECT_EQ(Calls(counts, "Cancel", absl::StatusCode::kOk), 2u);
  EXPECT_EQ(Calls(counts, "Cancel", absl::StatusCode::kNotFound), 1u);
  EXPECT_EQ(Calls(counts, "List", absl::StatusCode::kUnauthenticated), 1u);
  EXPECT_EQ(Calls(counts, "Get", absl::StatusCode::kOk), 0u);
}

TEST(CallCountsTest, CountsRefusalsByTheFlagThatRefused) {
  CallCounts counts;
  counts.Count<v1::GetRequest>(Refuse(Reason::kLimitExceeded, "x", "max-inbox"));
  counts.Count<v1::GetRequest>(ByLimit("max-id-bytes", Refuse(Reason::kInvalidField, "x", "id")));
  counts.Count<v1::GetRequest>(Refuse(Reason::kInvalidField, "x", "id"));
  counts.Count<v1::GetRequest>(Refuse(Reason::kLimitExceeded, "x", "a limit not listed"));
  EXPECT_EQ(Refused(counts, "max-inbox"), 1u);
  EXPECT_EQ(Refused(counts, "max-id-bytes"), 1u);
  EXPECT_EQ(Refused(counts, "max-delay"), 0u);
  EXPECT_EQ(Refused(counts, "other"), 1u);
}

}  // namespace
}  // namespace timerd::service
