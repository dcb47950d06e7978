#include "server/base/status.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace timerd {
namespace {

constexpr absl::string_view kReasonUrl = "timerd/reason";
constexpr absl::string_view kDetailUrl = "timerd/detail";
constexpr absl::string_view kLimitUrl = "timerd/limit";
constexpr absl::string_view kRetryUrl = "timerd/retry-after-ns";

absl::StatusCode CodeOf(Reason reason) {
  switch (reason) {
    case Reason::kInvalidField:
    case Reason::kWrongKind:
      return absl::StatusCode::kInvalidArgument;
    case Reason::kUnknownId:
    case Reason::kUnknownQueue:
    case Reason::kUnknownDeadLetter:
      return absl::StatusCode::kNotFound;
    case Reason::kIdInUse:
      return absl::StatusCode::kAlreadyExists;
    case Reason::kAlreadyCalled:
    case Reason::kAlreadyCancelled:
    case Reason::kAlreadyReported:
    case Reason::kNotRunning:
    case Reason::kNotFired:
    case Reason::kRunUnderWay:
    case Reason::kPaused:
    case Reason::kNotPaused:
    case Reason::kNotVirtual:
    case Reason::kNotLeased:
    case Reason::kNotYours:
    case Reason::kRegistered:
    case Reason::kNotRegistered:
      return absl::StatusCode::kFailedPrecondition;
    case Reason::kLimitExceeded:
    case Reason::kSlowReader:
      return absl::StatusCode::kResourceExhausted;
    case Reason::kShuttingDown:
      return absl::StatusCode::kUnavailable;
  }
  return absl::StatusCode::kInternal;
}

std::string PayloadOf(const absl::Status& status, absl::string_view url) {
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace

absl::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kInvalidField:
      return "INVALID_FIELD";
    case Reason::kWrongKind:
      return "WRONG_KIND";
    case Reason::kUnknownId:
      return "UNKNOWN_ID";
    case Reason::kIdInUse:
      return "ID_IN_USE";
    case Reason::kAlreadyCalled:
      return "ALREADY_CALLED";
    case Reason::kAlreadyCancelled:
      return "ALREADY_CANCELLED";
    case Reason::kAlreadyReported:
      return "ALREADY_REPORTED";
    case Reason::kNotRunning:
      return "NOT_RUNNING";
    case Reason::kNotFired:
      return "NOT_FIRED";
    case Reason::kRunUnderWay:
      return "RUN_UNDER_WAY";
    case Reason::kPaused:
      return "PAUSED";
    case Reason::kNotPaused:
      return "NOT_PAUSED";
    case Reason::kNotVirtual:
      return "NOT_VIRTUAL";
    case Reason::kLimitExceeded:
      return "LIMIT_EXCEEDED";
    case Reason::kSlowReader:
      return "SLOW_READER";
    case Reason::kShuttingDown:
      return "SHUTTING_DOWN";
    case Reason::kUnknownQueue:
      return "UNKNOWN_QUEUE";
    case Reason::kUnknownDeadLetter:
      return "UNKNOWN_DEAD_LETTER";
    case Reason::kNotLeased:
      return "NOT_LEASED";
    case Reason::kNotYours:
      return "NOT_YOURS";
    case Reason::kRegistered:
      return "REGISTERED";
    case Reason::kNotRegistered:
      return "NOT_REGISTERED";
  }
  return "";
}

absl::Status Refuse(Reason reason, absl::string_view message, absl::string_view detail) {
  absl::Status status(CodeOf(reason), message);
  status.SetPayload(kReasonUrl, absl::Cord(ReasonName(reason)));
  if (!detail.empty()) {
    status.SetPayload(kDetailUrl, absl::Cord(detail));
  }
  return status;
}

std::string ReasonOf(const absl::Status& status) { return PayloadOf(status, kReasonUrl); }
std::string DetailOf(const absl::Status& status) { return PayloadOf(status, kDetailUrl); }

absl::Status ByLimit(absl::string_view limit, absl::Status status) {
  status.SetPayload(kLimitUrl, absl::Cord(limit));
  return status;
}

absl::Status RetryAfter(Span delay, absl::Status status) {
  status.SetPayload(kRetryUrl, absl::Cord(absl::StrCat(delay.count())));
  return status;
}

absl::optional<Span> RetryDelayOf(const absl::Status& status) {
  int64_t ns = 0;
  return absl::SimpleAtoi(PayloadOf(status, kRetryUrl), &ns) ? absl::make_optional(Span(ns))
                                                             : absl::nullopt;
}

absl::Status Prefixed(absl::string_view prefix, const absl::Status& status) {
  absl::Status prefixed(status.code(), absl::StrCat(prefix, status.message()));
  status.ForEachPayload([&prefixed](absl::string_view url, const absl::Cord& payload) {
    prefixed.SetPayload(url, payload);
  });
  return prefixed;
}

std::string LimitOf(const absl::Status& status) {
  return ReasonOf(status) == ReasonName(Reason::kLimitExceeded) ? DetailOf(status)
                                                                : PayloadOf(status, kLimitUrl);
}

absl::string_view DetailKey(absl::string_view reason) {
  if (reason == ReasonName(Reason::kInvalidField)) {
    return "field";
  }
  if (reason == ReasonName(Reason::kLimitExceeded)) {
    return "limit";
  }
  if (reason == ReasonName(Reason::kAlreadyCalled) || reason == ReasonName(Reason::kNotLeased)) {
    return "end";
  }
  return "";
}

}  // namespace timerd
