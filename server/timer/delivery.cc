#include "server/timer/delivery.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/timer/loop.h"
#include "server/timer/machine.h"
#include "server/timer/recurrence.h"
#include "server/timer/transitions.h"

namespace timerd::timer {
namespace {

// The wait after attempt `tried`: exponential, cut by a random part of up to one half, so that what
// failed together does not come back together.
Span Backoff(const Handle& handle, const RetryPolicy& retry, uint32_t tried, Instant now) {
  const double grown = static_cast<double>(retry.initial_backoff.count()) *
                       std::pow(retry.factor, static_cast<double>(tried) - 1);
  const Span wait = grown < static_cast<double>(retry.max_backoff.count())
                        ? Span(static_cast<int64_t>(grown))
                        : retry.max_backoff;
  return wait - JitterOf(absl::StrCat(handle.key, "#", handle.run), now, wait / 2);
}

// The attempt under way has failed.
void FailAttempt(Handle& handle, const Failure& failure, bool lapsed, Context& context) {
  const DeliveryPolicy policy = PolicyOf(handle, context.queue_policy);
  if (!failure.final && !IsLastAttempt(handle, policy)) {
    const uint32_t tried = handle.delivery.attempts - handle.delivery.released;
    const Span wait =
        failure.retry_after.value_or(Backoff(handle, policy.retry, tried, context.now));
    handle.delivery.lease = 0;
    handle.delivery.due = Set(context.now + wait, context);
    return;
  }
  if (!lapsed) {
    return EndRun(handle, {.success = false, .payload = failure.payload}, context);
  }
  Event event = MakeEvent(handle, EventType::kFailed, context);
  event.reason = EndReason::kLeaseLapsed;
  End(handle, std::move(event), context);
}

}  // namespace

DeliveryPolicy WithDefaults(DeliveryPolicy policy, const DeliveryPolicy& fallback) {
  const auto complete = [](auto& value, const auto& other) {
    if (value == std::decay_t<decltype(value)>{}) {
      value = other;
    }
  };
  complete(policy.lease, fallback.lease);
  complete(policy.retry.initial_backoff, fallback.retry.initial_backoff);
  complete(policy.retry.factor, fallback.retry.factor);
  complete(policy.retry.max_backoff, fallback.retry.max_backoff);
  complete(policy.retry.max_attempts, fallback.retry.max_attempts);
  return policy;
}

Stage StageOf(const Handle& handle) {
  const Delivery& delivery = handle.delivery;
  if (delivery.lease != 0) {
    return Stage::kLeased;
  }
  if (!delivery.due) {
    return Stage::kIdle;
  }
  return delivery.due->timeline == Timeline::kQueue ? Stage::kWaiting : Stage::kBackoff;
}

std::optional<DueKey> WaitingKey(const Handle& handle) {
  const std::optional<Deadline>& due = handle.delivery.due;
  return due && due->timeline == Timeline::kQueue ? std::optional(due->index_key().due)
                                                  : std::nullopt;
}

DeliveryPolicy PolicyOf(const Handle& handle, const DeliveryPolicy& queue_policy) {
  return WithDefaults(*handle.spec.delivery, queue_policy);
}

bool IsLastAttempt(const Handle& handle, const DeliveryPolicy& policy) {
  return handle.delivery.attempts - handle.delivery.released >= policy.retry.max_attempts;
}

void Enqueue(Handle& handle, const Context& context) {
  const Deadline& due = handle.delivery.due ? *handle.delivery.due : *handle.due;
  handle.delivery.due = Deadline{due.ServiceTime(context.wall_ahead), due.place, Timeline::kQueue};
}

void Lease(Handle& handle, uint64_t lease, Context& context) {
  TIMERD_CHECK(lease != 0 && WaitingKey(handle));
  if (handle.phase == Phase::kPending) {
    FireOwn(handle, context);
  }
  ++handle.delivery.attempts;
  handle.delivery.lease = lease;
  handle.delivery.due = Set(context.now + PolicyOf(handle, context.queue_policy).lease, context);
}

void StopDelivery(Handle& handle) {
  handle.delivery.lease = 0;
  handle.delivery.due.reset();
}

absl::StatusOr<SettleResult> Settle(Handle& handle, uint64_t lease, const Verdict& verdict,
                                    Context& context) {
  if (handle.delivery.lease == 0) {
    return Refuse(Reason::kNotLeased,
                  handle.end ? absl::StrCat(Describe(handle), ": has ended in ",
                                            EventTypeName(handle.end->type),
                                            "; this lease is over, and there is nothing to settle")
                             : absl::StrCat(Describe(handle),
                                            ": this lease is over: settled already, or lapsed; "
                                            "extend a lease before it ends"),
                  handle.end ? EventTypeName(handle.end->type) : "");
  }
  if (handle.delivery.lease != lease) {
    return Refuse(Reason::kNotYours,
                  absl::StrCat(Describe(handle), ": attempt ", handle.delivery.attempts, " at run ",
                               handle.run,
                               " is leased to another; settle with the lease that came with the "
                               "occurrence, before it ends"));
  }
  SettleResult result;
  if (const auto* success = std::get_if<Success>(&verdict)) {
    EndRun(handle, {.success = true, .payload = success->payload}, context);
  } else if (const auto* failure = std::get_if<Failure>(&verdict)) {
    FailAttempt(handle, *failure, /*lapsed=*/false, context);
    if (handle.delivery.due) {
      result.next_attempt = handle.delivery.due->at;
    }
  } else if (const auto* extend = std::get_if<Extend>(&verdict)) {
    handle.delivery.due = Set(context.now + extend->span, context);
    result.lease_end = handle.delivery.due->at;
  } else {
    ++handle.delivery.released;
    handle.delivery.lease = 0;
    const Event& firing = *handle.last_firing;
    handle.delivery.due = Set(firing.deadline.value_or(firing.time), context, Timeline::kQueue);
  }
  return result;
}

bool Shorten(Handle& handle, uint64_t lease, Instant until, Context& context) {
  if (handle.delivery.lease != lease || handle.delivery.due->at <= until) {
    return false;
  }
  handle.delivery.due = Set(until, context);
  return true;
}

Fired FireDelivery(Handle& handle, Context& context) {
  if (handle.delivery.lease == 0) {
    Enqueue(handle, context);
    return Fired::kQueued;
  }
  FailAttempt(handle, {}, /*lapsed=*/true, context);
  return handle.end ? Fired::kEvent : Fired::kMoved;
}

void Purge(Handle& handle, Context& context) {
  TIMERD_CHECK(WaitingKey(handle));
  if (handle.spec.kind != Kind::kLoop || handle.phase == Phase::kStopping) {
    Event event = MakeEvent(handle, EventType::kCancelled, context);
    event.reason = EndReason::kPurged;
    End(handle, std::move(event), context);
  } else if (handle.phase == Phase::kPending) {
    SkipToNext(handle, context);
  } else {
    EndLoopRun(handle, {.success = true}, context);
  }
}

}  // namespace timerd::timer
