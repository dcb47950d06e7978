// Refusals that a machine can read.
#include "server/base/status.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace timerd {
namespace {

using ::timerd::testing::IsOk;
using ::timerd::testing::IsRefused;

constexpr Reason kReasons[] = {
    Reason::kInvalidField,    Reason::kWrongKind,     Reason::kUnknownId,
    Reason::kIdInUse,         Reason::kAlreadyCalled, Reason::kAlreadyCancelled,
    Reason::kAlreadyReported, Reason::kNotRunning,    Reason::kNotFired,
    Reason::kLimitExceeded,   Reason::kSlowReader,    Reason::kShuttingDown,
};

TEST(RefuseTest, CarriesTheReasonTheDetailAndTheMessage) {
  const absl::Status status = Refuse(Reason::kAlreadyCalled, "too late", "TIMED_OUT");
  EXPECT_EQ(status.message(), "too late");
  EXPECT_EQ(ReasonOf(status), "ALREADY_CALLED");
  EXPECT_EQ(DetailOf(status), "TIMED_OUT");
  EXPECT_EQ(DetailKey(ReasonOf(status)), "end");
}

TEST(RefuseTest, HasNoDetailUnlessGivenOne) {
  EXPECT_EQ(DetailOf(Refuse(Reason::kUnknownId, "x")), "");
  EXPECT_EQ(DetailKey("UNKNOWN_ID"), "");
}

TEST(RefuseTest, GivesEachReasonANameOfItsOwnAndAnError) {
  std::set<std::string> names;
  for (const Reason reason : kReasons) {
    const absl::Status status = Refuse(reason, "x");
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(ReasonOf(status).empty());
    names.insert(ReasonOf(status));
  }
  EXPECT_EQ(names.size(), std::size(kReasons));
}

TEST(RefuseTest, GivesTheCodeThatTheApiPromises) {
  const std::pair<Reason, absl::StatusCode> codes[] = {
      {Reason::kInvalidField, absl::StatusCode::kInvalidArgument},
      {Reason::kWrongKind, absl::StatusCode::kInvalidArgument},
      {Reason::kUnknownId, absl::StatusCode::kNotFound},
      {Reason::kIdInUse, absl::StatusCode::kAlreadyExists},
      {Reason::kAlreadyCalled, absl::StatusCode::kFailedPrecondition},
      {Reason::kAlreadyCancelled, absl::StatusCode::kFailedPrecondition},
      {Reason::kAlreadyReported, absl::StatusCode::kFailedPrecondition},
      {Reason::kNotRunning, absl::StatusCode::kFailedPrecondition},
      {Reason::kNotFired, absl::StatusCode::kFailedPrecondition},
      {Reason::kLimitExceeded, absl::StatusCode::kResourceExhausted},
      {Reason::kShuttingDown, absl::StatusCode::kUnavailable},
  };
  for (const auto& [reason, code] : codes) {
    EXPECT_EQ(Refuse(reason, "x").code(), code) << ReasonName(reason);
  }
}

TEST(RefuseTest, FindsNoReasonInAStatusFromElsewhere) {
  EXPECT_EQ(ReasonOf(absl::InternalError("x")), "");
  EXPECT_EQ(DetailOf(absl::OkStatus()), "");
}

TEST(LimitOfTest, NamesTheFlagThatRefused) {
  EXPECT_EQ(LimitOf(Refuse(Reason::kLimitExceeded, "x", "max-streams")), "max-streams");
  const absl::Status refused =
      ByLimit("max-delay", Refuse(Reason::kInvalidField, "too far", "delay"));
  EXPECT_EQ(LimitOf(refused), "max-delay");
  EXPECT_THAT(refused, IsRefused(Reason::kInvalidField));
  EXPECT_EQ(refused.message(), "too far");
  EXPECT_EQ(DetailOf(refused), "delay");
}

TEST(LimitOfTest, FindsNoFlagInOtherRefusals) {
  EXPECT_EQ(LimitOf(Refuse(Reason::kInvalidField, "x", "delay")), "");
  EXPECT_EQ(LimitOf(absl::OkStatus()), "");
}

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) {
    return Refuse(Reason::kInvalidField, "odd");
  }
  return number / 2;
}

absl::StatusOr<int> Quarter(int number) {
  TIMERD_ASSIGN_OR_RETURN(const int half, Half(number));
  TIMERD_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

absl::Status CheckQuarter(int number) {
  TIMERD_RETURN_IF_ERROR(Quarter(number).status());
  return absl::OkStatus();
}

TEST(StatusMacrosTest, PassErrorsOnAsTheyAre) {
  ASSERT_THAT(Quarter(12), IsOk());
  EXPECT_EQ(*Quarter(12), 3);
  EXPECT_THAT(Quarter(6), IsRefused(Reason::kInvalidField));
  EXPECT_THAT(CheckQuarter(12), IsOk());
  EXPECT_THAT(CheckQuarter(5), IsRefused(Reason::kInvalidField));
}

TEST(RetryAfterTest, SaysHowLongAlsoOfAPart) {
  const Span delay = std::chrono::milliseconds(1500);
  const absl::Status status = RetryAfter(delay, Refuse(Reason::kLimitExceeded, "full", "max-ids"));
  EXPECT_EQ(RetryDelayOf(status), delay);
  EXPECT_EQ(RetryDelayOf(Prefixed("items[0]: ", status)), delay);
  EXPECT_EQ(LimitOf(status), "max-ids");
  EXPECT_EQ(RetryDelayOf(Refuse(Reason::kLimitExceeded, "large", "max-bytes")), absl::nullopt);
}

}  // namespace
}  // namespace timerd
