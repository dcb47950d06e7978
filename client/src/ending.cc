#include "timerd/ending.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "client/src/status.h"

namespace timerd {
inline namespace client {
namespace {

constexpr char kEndUrl[] = "timerd/end";
constexpr End kAllEnds[] = {End::kFired,     End::kCompleted, End::kStopped, End::kFailed,
                            End::kCancelled, End::kTimedOut,  End::kRefused, End::kDetached};

absl::Status Marked(absl::Status status, End end) {
  status.SetPayload(kEndUrl, absl::Cord(EndName(end)));
  return status;
}

}  // namespace

std::string EndName(End end) {
  switch (end) {
    case End::kFired:
      return "FIRED";
    case End::kCompleted:
      return "COMPLETED";
    case End::kStopped:
      return "STOPPED";
    case End::kFailed:
      return "FAILED";
    case End::kCancelled:
      return "CANCELLED";
    case End::kTimedOut:
      return "TIMED_OUT";
    case End::kRefused:
      return "REFUSED";
    case End::kDetached:
      return "DETACHED";
  }
  return "";
}

absl::StatusOr<std::string> ToStatusOr(const Ending& ending) {
  switch (ending.end) {
    case End::kFired:
    case End::kCompleted:
    case End::kStopped:
      return ending.payload;
    case End::kFailed:
      return Marked(ending.reason.empty()
                        ? DecodeFailure(ending.payload)
                        : WithReason(absl::AbortedError("no client followed the run for as long as "
                                                        "client_lost_after allows"),
                                     ending.reason),
                    ending.end);
    case End::kTimedOut:
      return Marked(absl::DeadlineExceededError(
                        absl::StrCat("timed out after ", absl::FormatDuration(ending.timeout))),
                    ending.end);
    case End::kCancelled:
      return Marked(ending.reason.empty()
                        ? absl::CancelledError("cancelled")
                        : WithReason(absl::CancelledError("replaced by a later request of its id"),
                                     ending.reason),
                    ending.end);
    case End::kRefused:
    case End::kDetached:
      break;
  }
  return Marked(ending.status, ending.end);
}

std::optional<End> EndOf(const absl::Status& status) {
  if (const auto name = status.GetPayload(kEndUrl); name.has_value()) {
    for (const End end : kAllEnds) {
      if (*name == EndName(end)) {
        return end;
      }
    }
  }
  return std::nullopt;
}

bool WasTimedOut(const absl::Status& status) { return EndOf(status) == End::kTimedOut; }
bool WasCancelled(const absl::Status& status) { return EndOf(status) == End::kCancelled; }

std::string EncodeFailure(const absl::Status& failure) {
  return absl::StrCat(absl::StatusCodeToString(failure.code()), ": ", failure.message());
}

absl::Status DecodeFailure(const std::string& payload) {
  constexpr int kLastCode = static_cast<int>(absl::StatusCode::kUnauthenticated);
  const size_t colon = payload.find(": ");
  const std::string name = payload.substr(0, colon);
  for (int code = 1; code <= kLastCode; ++code) {
    if (name == absl::StatusCodeToString(static_cast<absl::StatusCode>(code))) {
      return absl::Status(static_cast<absl::StatusCode>(code),
                          colon == std::string::npos ? "" : payload.substr(colon + 2));
    }
  }
  return absl::UnknownError(payload);
}

}  // namespace client
}  // namespace timerd
