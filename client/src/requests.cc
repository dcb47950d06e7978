#include "client/src/requests.h"

#include "client/src/handle_core.h"
#include "client/src/proto_time.h"

namespace timerd {
inline namespace client {
namespace {

// What all creations have in common.
template <typename Request, typename Options>
void SetCommon(const Options& options, Request& request) {
  request.set_replace(options.replace);
  if (options.client_lost_after != absl::InfiniteDuration()) {
    *request.mutable_client_lost_after() = ToProto(options.client_lost_after);
  }
}

template <typename Request>
void SetQueue(const QueueDelivery& delivery, Request& request) {
  request.set_queue(delivery.queue);
  if (delivery.lease != absl::ZeroDuration()) {
    *request.mutable_lease() = ToProto(delivery.lease);
  }
  const RetryPolicy& retry = delivery.retry;
  if (retry.initial_backoff != absl::ZeroDuration()) {
    *request.mutable_retry()->mutable_initial_backoff() = ToProto(retry.initial_backoff);
  }
  if (retry.factor != 0) {
    request.mutable_retry()->set_factor(retry.factor);
  }
  if (retry.max_backoff != absl::ZeroDuration()) {
    *request.mutable_retry()->mutable_max_backoff() = ToProto(retry.max_backoff);
  }
  if (retry.max_attempts != 0) {
    request.mutable_retry()->set_max_attempts(retry.max_attempts);
  }
}

v1::MissedTicks::Policy PolicyToProto(MissedTicks::Policy policy) {
  switch (policy) {
    case MissedTicks::Policy::kRunOnce:
      return v1::MissedTicks::POLICY_RUN_ONCE;
    case MissedTicks::Policy::kRunAll:
      return v1::MissedTicks::POLICY_RUN_ALL;
    case MissedTicks::Policy::kSkip:
      break;
  }
  return v1::MissedTicks::POLICY_SKIP;
}

v1::StartLoopRequest ToLoopRequest(const LoopOptions& options) {
  v1::StartLoopRequest request;
  request.set_payload(options.payload);
  request.set_plain(options.plain);
  if (options.pacing == Pacing::kFixedDelay) {
    request.set_pacing(v1::PACING_FIXED_DELAY);
  }
  const MissedTicks& missed = options.missed_ticks;
  if (missed.policy != MissedTicks::Policy::kSkip) {
    request.mutable_missed_ticks()->set_policy(PolicyToProto(missed.policy));
    request.mutable_missed_ticks()->set_max_runs(missed.max_runs);
    if (missed.window != absl::InfiniteDuration()) {
      *request.mutable_missed_ticks()->mutable_window() = ToProto(missed.window);
    }
  }
  if (options.max_runs.has_value()) {
    request.set_max_runs(*options.max_runs);
  }
  if (options.until != absl::InfiniteFuture()) {
    *request.mutable_until() = ToProto(options.until);
  }
  if (options.jitter != absl::ZeroDuration()) {
    *request.mutable_jitter() = ToProto(options.jitter);
  }
  SetCommon(options, request);
  return request;
}

}  // namespace

v1::ScheduleRequest ToRequest(absl::Duration delay, bool reported, const CallOptions& options) {
  v1::ScheduleRequest request;
  *request.mutable_delay() = ToProto(delay);
  request.set_reported(reported);
  SetCommon(options, request);
  return request;
}

v1::ScheduleRequest ToRequest(const ScheduleOptions& options) {
  v1::ScheduleRequest request;
  request.set_reported(options.reported);
  request.set_payload(options.payload);
  request.set_detached(true);
  SetCommon(options, request);
  SetQueue(options.delivery, request);
  return request;
}

v1::StartLoopRequest ToRequest(absl::Duration interval, const LoopOptions& options) {
  v1::StartLoopRequest request = ToLoopRequest(options);
  *request.mutable_interval() = ToProto(interval);
  request.set_start_now(options.start_now.value_or(true));
  return request;
}

v1::StartLoopRequest ToRequest(const Cron& cron, const LoopOptions& options) {
  v1::StartLoopRequest request = ToLoopRequest(options);
  request.mutable_cron()->set_expression(cron.expression);
  request.mutable_cron()->set_time_zone(cron.time_zone);
  request.set_start_now(options.start_now.value_or(false));
  return request;
}

void SetDelivery(const QueueDelivery& delivery, v1::StartLoopRequest& request) {
  request.set_detached(true);
  SetQueue(delivery, request);
}

v1::WithTimeoutRequest ToRequest(absl::Duration timeout, const TimeoutOptions& options) {
  v1::WithTimeoutRequest request;
  *request.mutable_timeout() = ToProto(timeout);
  if (options.fallback.has_value()) {
    *request.mutable_fallback() = ToOutcome(*options.fallback);
  }
  SetCommon(options, request);
  return request;
}

}  // namespace client
}  // namespace timerd
