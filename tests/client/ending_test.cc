#include "timerd/ending.h"

#include "gtest/gtest.h"
#include "timerd/reason.h"

namespace timerd {
namespace {

TEST(EndingTest, EncodesAFailureAsTextAndBack) {
  const absl::Status failure = absl::NotFoundError("user 7: gone");
  EXPECT_EQ(EncodeFailure(failure), "NOT_FOUND: user 7: gone");
  EXPECT_EQ(DecodeFailure(EncodeFailure(failure)), failure);
  int codes = 0;
  for (int code = 1; code <= 16; ++code) {
    const absl::Status every(static_cast<absl::StatusCode>(code), "");
    EXPECT_EQ(DecodeFailure(EncodeFailure(every)), every);
    ++codes;
  }
  EXPECT_EQ(codes, 16);
}

TEST(EndingTest, DecodesTextOfAnotherFormAsUnknown) {
  EXPECT_EQ(DecodeFailure("ABORTED"), absl::AbortedError(""));
  EXPECT_EQ(DecodeFailure("it broke: badly"), absl::UnknownError("it broke: badly"));
  EXPECT_EQ(DecodeFailure("OK: not a failure"), absl::UnknownError("OK: not a failure"));
  EXPECT_EQ(DecodeFailure(""), absl::UnknownError(""));
}

TEST(EndingTest, NeverTakesAFailureForATimeoutOrACancel) {
  Ending ending;
  ending.end = End::kFailed;
  ending.payload = "DEADLINE_EXCEEDED: the backend was slow";
  absl::Status status = ToStatusOr(ending).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(WasTimedOut(status));
  EXPECT_EQ(EndOf(status), End::kFailed);

  ending.end = End::kTimedOut;
  status = ToStatusOr(ending).status();
  EXPECT_TRUE(WasTimedOut(status));
  EXPECT_FALSE(WasTimedOut(absl::DeadlineExceededError("from elsewhere")));
  EXPECT_FALSE(WasCancelled(absl::CancelledError("from elsewhere")));
  EXPECT_EQ(EndOf(absl::OkStatus()), std::nullopt);
}

TEST(EndingTest, SaysThatTheClientWasLostOrTheHandleReplaced) {
  Ending ending;
  ending.end = End::kFailed;
  ending.reason = "CLIENT_LOST";
  absl::Status status = ToStatusOr(ending).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(status), "CLIENT_LOST");
  EXPECT_EQ(EndOf(status), End::kFailed);

  ending.end = End::kCancelled;
  ending.reason = "REPLACED";
  status = ToStatusOr(ending).status();
  EXPECT_TRUE(WasCancelled(status));
  EXPECT_EQ(ReasonOf(status), "REPLACED");
  ending.reason.clear();
  EXPECT_EQ(ReasonOf(ToStatusOr(ending).status()), "");
}

TEST(EndingTest, GivesTheValueOfASuccess) {
  Ending ending;
  ending.payload = std::string("by\0te", 5);
  for (const End end : {End::kFired, End::kCompleted, End::kStopped}) {
    ending.end = end;
    EXPECT_EQ(*ToStatusOr(ending), ending.payload) << EndName(end);
  }
}

}  // namespace
}  // namespace timerd
