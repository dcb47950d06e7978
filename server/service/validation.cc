#include "server/service/validation.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "server/base/due_key.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/service/refusals.h"

namespace timerd::service {
namespace {

using google::protobuf::util::TimeUtil;

constexpr int64_t kNanosPerSecond = 1'000'000'000;

// The first bytes of a value that may be long or unprintable.
std::string Show(absl::string_view value) {
  constexpr size_t kShown = 40;
  return absl::StrCat("\"", absl::CHexEscape(value.substr(0, kShown)),
                      value.size() > kShown ? "..." : "", "\"");
}

bool IsWellFormed(const google::protobuf::Duration& value) {
  return value.seconds() >= TimeUtil::kDurationMinSeconds &&
         value.seconds() <= TimeUtil::kDurationMaxSeconds && value.nanos() > -kNanosPerSecond &&
         value.nanos() < kNanosPerSecond && !(value.seconds() > 0 && value.nanos() < 0) &&
         !(value.seconds() < 0 && value.nanos() > 0);
}

bool IsWellFormed(const google::protobuf::Timestamp& value) {
  return value.seconds() >= TimeUtil::kTimestampMinSeconds &&
         value.seconds() <= TimeUtil::kTimestampMaxSeconds && value.nanos() >= 0 &&
         value.nanos() < kNanosPerSecond;
}

}  // namespace

absl::Status Validator::CheckSize(const google::protobuf::Message& request) const {
  const size_t size = request.ByteSizeLong();
  if (size > limits_.max_request_bytes) {
    return Refuse(Reason::kLimitExceeded,
                  absl::StrCat("request of ", size, " bytes is above --max-request-bytes=",
                               limits_.max_request_bytes, "; send less, or raise the flag"),
                  "max-request-bytes");
  }
  return absl::OkStatus();
}

absl::Status Validator::CheckId(absl::string_view field, absl::string_view id) const {
  if (id.empty()) {
    return BadField(field, field, " is empty; name the handle that is meant");
  }
  if (id.size() > limits_.max_id_bytes) {
    return ByLimit("max-id-bytes", BadField(field, field, " ", Show(id), " has ", id.size(),
                                            " bytes, above --max-id-bytes=", limits_.max_id_bytes,
                                            "; use a shorter one"));
  }
  const auto control = std::find_if(id.begin(), id.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control != id.end()) {
    return BadField(field, field, " ", Show(id), " has a control character at byte ",
                    control - id.begin(), "; use printable characters");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Validator::ToNamespace(absl::string_view name) {
  if (name.empty()) {
    return std::string(kDefaultNamespace);
  }
  TIMERD_RETURN_IF_ERROR(CheckName("namespace", name));
  return std::string(name);
}

absl::Status Validator::CheckName(absl::string_view field, absl::string_view name) {
  constexpr size_t kMaxBytes = 63;
  const auto is_good = [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_' || c == '.';
  };
  if (name.empty() || name.size() > kMaxBytes || !absl::ascii_isalnum(name[0]) ||
      !std::all_of(name.begin(), name.end(), is_good)) {
    return BadField(field, field, " ", Show(name),
                    " is not a name; use 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a "
                    "letter or digit");
  }
  return absl::OkStatus();
}

absl::Status Validator::CheckPayload(absl::string_view subject, absl::string_view field,
                                     absl::string_view payload) const {
  if (payload.size() > limits_.max_payload_bytes) {
    return Refuse(Reason::kLimitExceeded,
                  absl::StrCat(subject, ": ", field, " of ", payload.size(),
                               " bytes is above --max-payload-bytes=", limits_.max_payload_bytes,
                               "; store it elsewhere and send a reference, or raise the flag"),
                  "max-payload-bytes");
  }
  return absl::OkStatus();
}

absl::StatusOr<Span> Validator::ToSpan(absl::string_view subject, absl::string_view field,
                                       const google::protobuf::Duration& value,
                                       bool may_be_negative) const {
  if (!IsWellFormed(value)) {
    return BadField(field, subject, ": ", field, " {seconds: ", value.seconds(),
                    ", nanos: ", value.nanos(),
                    "} is malformed; nanos must be within one second and have the sign of seconds");
  }
  const bool negative = value.seconds() < 0 || value.nanos() < 0;
  if (negative && !may_be_negative) {
    return BadField(field, subject, ": ", field, " ", TimeUtil::ToString(value),
                    " is negative; use 0s or more");
  }
  // The limit keeps the nanoseconds within 64 bits.
  const int64_t max_seconds =
      std::chrono::duration_cast<std::chrono::seconds>(limits_.max_delay).count();
  const Span span = std::abs(value.seconds()) > max_seconds
                        ? Span::max()
                        : Span(value.seconds() * kNanosPerSecond + value.nanos());
  if (std::chrono::abs(span) > limits_.max_delay) {
    return ByLimit("max-delay", BadField(field, subject, ": ", field, " ",
                                         TimeUtil::ToString(value), " is above --max-delay=",
                                         Show(limits_.max_delay), "; use a shorter one"));
  }
  return span;
}

absl::StatusOr<int64_t> Validator::ToUnixNanos(absl::string_view subject, absl::string_view field,
                                               const google::protobuf::Timestamp& value) {
  if (!IsWellFormed(value)) {
    return BadField(
        field, subject, ": ", field, " {seconds: ", value.seconds(), ", nanos: ", value.nanos(),
        "} is malformed; use a time from year 1 to 9999 with nanos from 0 to 999999999");
  }
  constexpr int64_t kLastSecond = std::numeric_limits<int64_t>::max() / kNanosPerSecond - 1;
  const int64_t seconds = std::clamp<int64_t>(value.seconds(), 0, kLastSecond);
  return seconds * kNanosPerSecond + value.nanos();
}

absl::StatusOr<timer::Outcome> Validator::ToOutcome(absl::string_view subject,
                                                    absl::string_view field,
                                                    const v1::Outcome& outcome) const {
  TIMERD_RETURN_IF_ERROR(CheckPayload(subject, absl::StrCat(field, ".payload"), outcome.payload()));
  switch (outcome.result()) {
    case v1::Outcome::RESULT_SUCCESS:
      return timer::Outcome{true, outcome.payload()};
    case v1::Outcome::RESULT_FAILURE:
      return timer::Outcome{false, outcome.payload()};
    default:
      return BadField(absl::StrCat(field, ".result"), subject, ": ", field, ".result ",
                      static_cast<int>(outcome.result()),
                      " is not a result; use RESULT_SUCCESS or RESULT_FAILURE");
  }
}

template <typename Request>
absl::Status Validator::TakeCommon(absl::string_view subject, const Request& request,
                                   timer::Spec& spec) const {
  constexpr size_t kMaxKeyBytes = 64;
  if (request.idempotency_key().size() > kMaxKeyBytes) {
    return BadField("idempotency_key", subject, ": idempotency_key of ",
                    request.idempotency_key().size(), " bytes is above the ", kMaxKeyBytes,
                    " that it may have; use a shorter one");
  }
  spec.idempotency_key = request.idempotency_key();
  if (!request.has_client_lost_after()) {
    return absl::OkStatus();
  }
  if (!spec.reported) {
    return BadField("client_lost_after", subject,
                    ": client_lost_after is for runs that are reported, and this has none; leave "
                    "it out, or have runs reported");
  }
  TIMERD_ASSIGN_OR_RETURN(spec.client_lost_after,
                          ToSpan(subject, "client_lost_after", request.client_lost_after(), false));
  if (spec.client_lost_after < kTickDuration) {
    return BadField("client_lost_after", subject, ": client_lost_after ",
                    Show(spec.client_lost_after), " is shorter than the ", Show(kTickDuration),
                    " tick; use ", Show(kTickDuration), " or more");
  }
  return absl::OkStatus();
}

absl::StatusOr<timer::Spec> Validator::ToSpec(const v1::ScheduleRequest& request) const {
  const std::string subject = Subject("timer", request.id());
  if (request.has_delay() == request.has_at()) {
    return BadField(
        "delay", subject, ": ",
        request.has_delay() ? "both delay and at are set" : "neither delay nor at is set",
        "; set exactly one of them");
  }
  TIMERD_RETURN_IF_ERROR(CheckPayload(subject, "payload", request.payload()));
  timer::Spec spec{.kind = timer::Kind::kTimer,
                   .reported = request.reported() || !request.queue().empty()};
  TIMERD_RETURN_IF_ERROR(TakeDelivery(subject, request, spec));
  if (request.has_delay()) {
    TIMERD_ASSIGN_OR_RETURN(spec.span, ToSpan(subject, "delay", request.delay(), false));
  } else {
    TIMERD_ASSIGN_OR_RETURN(spec.at, ToUnixNanos(subject, "at", request.at()));
  }
  TIMERD_RETURN_IF_ERROR(TakeCommon(subject, request, spec));
  spec.payload = request.payload();
  return spec;
}

absl::StatusOr<timer::Spec> Validator::ToSpec(const v1::StartLoopRequest& request) const {
  const std::string subject = Subject("loop", request.id());
  TIMERD_RETURN_IF_ERROR(CheckPayload(subject, "payload", request.payload()));
  timer::Spec spec{
      .kind = timer::Kind::kLoop, .reported = !request.plain(), .start_now = request.start_now()};
  if (request.plain() && !request.queue().empty()) {
    return BadField("plain", subject,
                    ": plain does not go with a queue, whose workers say how each run ended; leave "
                    "one of the two out");
  }
  TIMERD_RETURN_IF_ERROR(TakeDelivery(subject, request, spec));
  if (request.has_interval()) {
    TIMERD_ASSIGN_OR_RETURN(spec.span, ToInterval(subject, request.interval()));
  }
  TIMERD_ASSIGN_OR_RETURN(spec.loop, ToLoopPolicy(subject, request, spec.span));
  TIMERD_RETURN_IF_ERROR(TakeCommon(subject, request, spec));
  spec.payload = request.payload();
  return spec;
}

absl::StatusOr<timer::Spec> Validator::ToSpec(const v1::WithTimeoutRequest& request) const {
  // First, because every other message names the id.
  if (!request.id().empty()) {
    TIMERD_RETURN_IF_ERROR(CheckId("id", request.id()));
  }
  if (!request.target_id().empty()) {
    TIMERD_RETURN_IF_ERROR(CheckId("target_id", request.target_id()));
  }
  const std::string subject = request.target_id().empty()
                                  ? Subject("task", request.id())
                                  : Subject("WithTimeout of", request.target_id());
  if (!request.id().empty() && !request.target_id().empty()) {
    return BadField("id", subject,
                    ": both id and target_id are set; set id for a new task, or "
                    "target_id for a handle that exists");
  }
  if (!request.has_timeout()) {
    return BadField("timeout", subject, ": timeout is not set; set it to 0s or more");
  }
  if (!request.target_id().empty() && (request.replace() || request.has_client_lost_after())) {
    return BadField(request.replace() ? "replace" : "client_lost_after", subject, ": ",
                    request.replace() ? "replace" : "client_lost_after",
                    " is for new tasks; leave it out when target_id is set");
  }
  timer::Spec spec{.kind = timer::Kind::kTask, .reported = true};
  TIMERD_RETURN_IF_ERROR(TakeCommon(subject, request, spec));
  TIMERD_ASSIGN_OR_RETURN(spec.span, ToSpan(subject, "timeout", request.timeout(), false));
  if (request.has_fallback()) {
    TIMERD_ASSIGN_OR_RETURN(spec.fallback, ToOutcome(subject, "fallback", request.fallback()));
  }
  return spec;
}

absl::StatusOr<timer::Move> Validator::ToMove(const v1::RescheduleRequest& request) const {
  const std::string subject = Subject("Reschedule of", request.id());
  const int ways = request.has_from_now() + request.has_delay_by() + request.has_at();
  if (ways != 1) {
    return BadField("from_now", subject, ": ", ways,
                    " of from_now, delay_by and at are set; set exactly one of them");
  }
  timer::Move move;
  if (request.has_from_now()) {
    TIMERD_ASSIGN_OR_RETURN(const Span span,
                            ToSpan(subject, "from_now", request.from_now(), false));
    move = timer::FromNow{span};
  } else if (request.has_delay_by()) {
    TIMERD_ASSIGN_OR_RETURN(const Span span, ToSpan(subject, "delay_by", request.delay_by(), true));
    move = timer::DelayBy{span};
  } else {
    TIMERD_ASSIGN_OR_RETURN(const int64_t at, ToUnixNanos(subject, "at", request.at()));
    move = timer::MoveTo{at};
  }
  return move;
}

absl::StatusOr<timer::Outcome> Validator::ToOutcome(const v1::ReportRequest& request) const {
  const std::string subject = Subject("Report on", request.id());
  if (request.run() == 0) {
    return BadField("run", subject,
                    ": run is not set; set it to the run of the event that told to "
                    "run, 1 for timers and tasks");
  }
  if (!request.has_outcome()) {
    return BadField("outcome", subject, ": outcome is not set; set its result and payload");
  }
  return ToOutcome(subject, "outcome", request.outcome());
}

absl::StatusOr<decltype(reactor::Advance::way)> Validator::ToWay(
    const v1::AdvanceRequest& request) const {
  if (!request.has_by()) {
    return BadField("by", "Advance: by is not set; set it, to 0s to fire what is due");
  }
  TIMERD_ASSIGN_OR_RETURN(const Span by, ToSpan("Advance", "by", request.by(), false));
  if (request.limit() > 0 && !request.jump()) {
    return BadField("limit", "Advance: limit ", request.limit(),
                    " goes with jump; set jump, or leave limit out");
  }
  decltype(reactor::Advance::way) way = reactor::StepBy{by};
  if (request.jump()) {
    way = reactor::JumpBy{by, request.limit()};
  }
  return way;
}

}  // namespace timerd::service
