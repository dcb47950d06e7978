// Of Validator: the policies of loops, each by itself and together.
#include <string>

#include "server/base/due_key.h"
#include "server/base/status.h"
#include "server/service/refusals.h"
#include "server/service/validation.h"

namespace timerd::service {
namespace {

constexpr uint32_t kDefaultCatchUp = 100;
constexpr uint32_t kMaxCatchUp = 10'000;

}  // namespace

absl::StatusOr<Span> Validator::ToInterval(absl::string_view subject,
                                           const google::protobuf::Duration& value) const {
  TIMERD_ASSIGN_OR_RETURN(const Span interval, ToSpan(subject, "interval", value, false));
  if (interval > Span::zero() && interval < kTickDuration) {
    return BadField("interval", subject, ": interval ", Show(interval), " is shorter than the ",
                    Show(kTickDuration), " tick; use 0s, or ", Show(kTickDuration), " or more");
  }
  return interval;
}

absl::StatusOr<Span> Validator::ToInterval(const v1::ChangeIntervalRequest& request) const {
  const std::string subject = Subject("ChangeInterval of", request.id());
  if (!request.has_interval()) {
    return BadField("interval", subject, ": interval is not set; set it");
  }
  return ToInterval(subject, request.interval());
}

absl::StatusOr<timer::MissedTicks> Validator::ToMissedTicks(absl::string_view subject,
                                                            const v1::MissedTicks& missed) const {
  using Policy = timer::MissedTicks::Policy;
  timer::MissedTicks to;
  switch (missed.policy()) {
    case v1::MissedTicks::POLICY_UNSPECIFIED:
    case v1::MissedTicks::POLICY_SKIP:
      break;
    case v1::MissedTicks::POLICY_RUN_ONCE:
      to.policy = Policy::kRunOnce;
      break;
    case v1::MissedTicks::POLICY_RUN_ALL:
      to.policy = Policy::kRunAll;
      break;
    default:
      return BadField("missed_ticks.policy", subject, ": missed_ticks.policy ",
                      static_cast<int>(missed.policy()),
                      " is not a policy; use POLICY_SKIP, POLICY_RUN_ONCE or POLICY_RUN_ALL");
  }
  if (to.policy != Policy::kRunAll) {
    if (missed.max_runs() != 0 || missed.has_window()) {
      const absl::string_view field =
          missed.has_window() ? "missed_ticks.window" : "missed_ticks.max_runs";
      return BadField(field, subject, ": ", field,
                      " bounds POLICY_RUN_ALL, and the policy is another; leave it out, or use "
                      "POLICY_RUN_ALL");
    }
    return to;
  }
  to.max_runs = missed.max_runs() == 0 ? kDefaultCatchUp : missed.max_runs();
  if (to.max_runs > kMaxCatchUp) {
    return BadField("missed_ticks.max_runs", subject, ": missed_ticks.max_runs ", to.max_runs,
                    " is above ", kMaxCatchUp, "; use fewer");
  }
  if (missed.has_window()) {
    TIMERD_ASSIGN_OR_RETURN(to.window,
                            ToSpan(subject, "missed_ticks.window", missed.window(), false));
    if (to.window < kTickDuration) {
      return BadField("missed_ticks.window", subject, ": missed_ticks.window ", Show(to.window),
                      " is shorter than the ", Show(kTickDuration), " tick; use a longer one");
    }
  }
  return to;
}

absl::StatusOr<timer::LoopPolicy> Validator::ToLoopPolicy(absl::string_view subject,
                                                          const v1::StartLoopRequest& request,
                                                          Span interval) const {
  if (request.has_interval() == request.has_cron()) {
    return BadField(
        "interval", subject, ": ",
        request.has_cron() ? "both interval and cron are set" : "neither interval nor cron is set",
        "; set exactly one of them, interval to 0s for a loop that runs again as soon "
        "as it is reported");
  }
  timer::LoopPolicy policy;
  if (request.has_cron()) {
    absl::StatusOr<std::shared_ptr<const timer::CronSchedule>> cron =
        timer::CronSchedule::Parse(request.cron().expression(), request.cron().time_zone());
    if (!cron.ok()) {
      return Prefixed(absl::StrCat(subject, ": "), cron.status());
    }
    policy.cron = *std::move(cron);
  }
  switch (request.pacing()) {
    case v1::PACING_UNSPECIFIED:
    case v1::PACING_FIXED_RATE:
      break;
    case v1::PACING_FIXED_DELAY:
      policy.pacing = timer::Pacing::kFixedDelay;
      break;
    default:
      return BadField("pacing", subject, ": pacing ", static_cast<int>(request.pacing()),
                      " is not one; use PACING_FIXED_RATE or PACING_FIXED_DELAY");
  }
  TIMERD_ASSIGN_OR_RETURN(policy.missed, ToMissedTicks(subject, request.missed_ticks()));
  if (request.has_max_runs()) {
    policy.max_runs = request.max_runs();
  }
  if (request.has_until()) {
    TIMERD_ASSIGN_OR_RETURN(policy.until, ToUnixNanos(subject, "until", request.until()));
  }
  if (request.has_jitter()) {
    TIMERD_ASSIGN_OR_RETURN(policy.jitter, ToSpan(subject, "jitter", request.jitter(), false));
  }
  TIMERD_RETURN_IF_ERROR(CheckTogether(subject, request, interval, policy));
  return policy;
}

absl::Status Validator::CheckTogether(absl::string_view subject,
                                      const v1::StartLoopRequest& request, Span interval,
                                      const timer::LoopPolicy& policy) {
  const bool fixed_delay = policy.pacing == timer::Pacing::kFixedDelay;
  const bool makes_up = policy.missed.policy != timer::MissedTicks::Policy::kSkip;
  if (request.has_max_runs() && request.max_runs() == 0) {
    return BadField("max_runs", subject,
                    ": max_runs is 0, a loop that never runs; use 1 or more, "
                    "or leave it out for no bound");
  }
  if (fixed_delay && request.has_cron()) {
    return BadField("pacing", subject,
                    ": PACING_FIXED_DELAY goes by an interval, and this loop goes by cron; use one "
                    "of the two");
  }
  if (fixed_delay && makes_up) {
    return BadField("missed_ticks.policy", subject,
                    ": with PACING_FIXED_DELAY no tick is ever missed; leave missed_ticks out, or "
                    "use PACING_FIXED_RATE");
  }
  if (request.has_cron()) {
    return absl::OkStatus();
  }
  if (interval == Span::zero() && (request.plain() || makes_up)) {
    const absl::string_view what =
        request.plain() ? "a plain loop" : "a loop that makes up for ticks";
    return BadField("interval", subject, ": interval 0s in ", what,
                    " would never let it rest; use ", Show(kTickDuration), " or more");
  }
  if (policy.jitter > Span::zero() && policy.jitter >= interval) {
    return BadField("jitter", subject, ": jitter ", Show(policy.jitter),
                    " is not shorter than the interval of ", Show(interval),
                    "; use a shorter one, so that ticks keep their order");
  }
  return absl::OkStatus();
}

}  // namespace timerd::service
