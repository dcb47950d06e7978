// Of Validator: queues, leases, retries and what workers say.
#include "absl/strings/str_cat.h"
#include "server/base/due_key.h"
#include "server/base/token_bucket.h"
#include "server/service/refusals.h"
#include "server/service/validation.h"

namespace timerd::service {
namespace {

constexpr Span kDay = std::chrono::hours(24);
// How much longer than a push may take its lease is.
constexpr Span kPushMargin = std::chrono::seconds(5);
constexpr double kMaxFactor = 100;
constexpr uint32_t kMaxAttempts = 1000;

}  // namespace

absl::StatusOr<Span> Validator::ToSpanWithin(absl::string_view subject, absl::string_view field,
                                             const google::protobuf::Duration& value, Span least,
                                             Span most) const {
  TIMERD_ASSIGN_OR_RETURN(const Span span, ToSpan(subject, field, value, false));
  if (span < least || span > most) {
    return BadField(field, subject, ": ", field, " ", Show(span), " is out of range; use ",
                    Show(least), " to ", Show(most));
  }
  return span;
}

absl::StatusOr<timer::RetryPolicy> Validator::ToRetry(absl::string_view subject,
                                                      const v1::RetryPolicy& retry) const {
  timer::RetryPolicy policy{.factor = retry.factor(), .max_attempts = retry.max_attempts()};
  if (retry.has_initial_backoff()) {
    TIMERD_ASSIGN_OR_RETURN(policy.initial_backoff,
                            ToSpanWithin(subject, "retry.initial_backoff", retry.initial_backoff(),
                                         kTickDuration, kDay));
  }
  if (retry.has_max_backoff()) {
    TIMERD_ASSIGN_OR_RETURN(
        policy.max_backoff,
        ToSpanWithin(subject, "retry.max_backoff", retry.max_backoff(), kTickDuration, kDay));
  }
  // Not a number compares false with all.
  if (retry.factor() != 0 && !(retry.factor() >= 1 && retry.factor() <= kMaxFactor)) {
    return BadField("retry.factor", subject, ": retry.factor ", retry.factor(),
                    " is out of range; use 1 to ", kMaxFactor);
  }
  if (retry.max_attempts() > kMaxAttempts) {
    return BadField("retry.max_attempts", subject, ": retry.max_attempts ", retry.max_attempts(),
                    " is out of range; use 1 to ", kMaxAttempts);
  }
  return policy;
}

template <typename Request>
absl::Status Validator::TakeDelivery(absl::string_view subject, const Request& request,
                                     timer::Spec& spec) const {
  if (request.queue().empty()) {
    if (request.has_lease() || request.has_retry()) {
      const absl::string_view field = request.has_lease() ? "lease" : "retry";
      return BadField(field, subject, ": ", field,
                      " is for runs that a queue delivers, and queue is empty; name one, or leave ",
                      field, " out");
    }
    return absl::OkStatus();
  }
  TIMERD_RETURN_IF_ERROR(CheckName("queue", request.queue()));
  if (request.has_client_lost_after()) {
    return BadField("client_lost_after", subject,
                    ": client_lost_after does not go with a queue, whose leases find out when a ",
                    "worker is lost; leave it out, or set lease");
  }
  spec.queue = request.queue();
  timer::DeliveryPolicy delivery;
  if (request.has_lease()) {
    TIMERD_ASSIGN_OR_RETURN(delivery.lease,
                            ToSpanWithin(subject, "lease", request.lease(), kTickDuration, kDay));
  }
  TIMERD_ASSIGN_OR_RETURN(delivery.retry, ToRetry(subject, request.retry()));
  spec.delivery = delivery;
  return absl::OkStatus();
}

template absl::Status Validator::TakeDelivery(absl::string_view, const v1::ScheduleRequest&,
                                              timer::Spec&) const;
template absl::Status Validator::TakeDelivery(absl::string_view, const v1::StartLoopRequest&,
                                              timer::Spec&) const;

absl::StatusOr<timer::Verdict> Validator::ToVerdict(const v1::Settlement& settlement) const {
  const std::string subject = Subject("settlement of", settlement.id());
  TIMERD_RETURN_IF_ERROR(CheckId("id", settlement.id()));
  timer::Verdict verdict;
  switch (settlement.verdict_case()) {
    case v1::Settlement::kSuccess:
      TIMERD_RETURN_IF_ERROR(CheckPayload(subject, "success", settlement.success()));
      verdict = timer::Success{settlement.success()};
      break;
    case v1::Settlement::kFailure: {
      const v1::Settlement::Failure& from = settlement.failure();
      TIMERD_RETURN_IF_ERROR(CheckPayload(subject, "failure.payload", from.payload()));
      timer::Failure failure{.payload = from.payload(), .final = from.final()};
      if (from.has_retry_after()) {
        TIMERD_ASSIGN_OR_RETURN(failure.retry_after,
                                ToSpan(subject, "failure.retry_after", from.retry_after(), false));
      }
      verdict = std::move(failure);
      break;
    }
    case v1::Settlement::kExtend: {
      TIMERD_ASSIGN_OR_RETURN(const Span span, ToSpanWithin(subject, "extend", settlement.extend(),
                                                            kTickDuration, limits_.max_delay));
      verdict = timer::Extend{span};
      break;
    }
    case v1::Settlement::kRelease:
      verdict = timer::Release{};
      break;
    case v1::Settlement::VERDICT_NOT_SET:
      return BadField("verdict", subject,
                      ": none of success, failure, extend and release is set; set exactly one");
  }
  return verdict;
}

absl::StatusOr<delivery::QueueSettings> Validator::ToSettings(
    absl::string_view subject, const v1::QueueSettings& settings) const {
  delivery::QueueSettings to;
  if (settings.has_lease()) {
    TIMERD_ASSIGN_OR_RETURN(to.policy.lease, ToSpanWithin(subject, "settings.lease",
                                                          settings.lease(), kTickDuration, kDay));
  }
  TIMERD_ASSIGN_OR_RETURN(to.policy.retry, ToRetry(subject, settings.retry()));
  if (settings.has_target() && !settings.has_lease()) {
    // A call that has timed out must still be able to say so.
    const google::protobuf::Duration& timeout = settings.target().timeout();
    TIMERD_ASSIGN_OR_RETURN(const Span span, ToSpan(subject, "settings.target.timeout", timeout,
                                                    /*may_be_negative=*/false));
    to.policy.lease = (span > Span::zero() ? span : timer::kDefaultDelivery.lease) + kPushMargin;
  }
  to.max_backlog = settings.max_backlog();
  to.max_pending = settings.max_pending();
  if (settings.max_rate() > kMaxRate) {
    return BadField("settings.max_rate", subject, ": settings.max_rate ", settings.max_rate(),
                    " is out of range; use 1 to ", kMaxRate, ", or 0 for --max-rate-per-queue");
  }
  to.max_rate = settings.max_rate();
  return to;
}

absl::Status Validator::CheckCredit(uint32_t credit, uint32_t max_credit) const {
  if (credit > 0 && credit <= max_credit) {
    return absl::OkStatus();
  }
  const absl::Status refused =
      BadField("credit", "credit ", credit, " is out of range; use 1 to --max-credit=", max_credit,
               credit == 0 ? ", or drain to take no more" : "");
  return credit == 0 ? refused : ByLimit("max-credit", refused);
}

}  // namespace timerd::service
