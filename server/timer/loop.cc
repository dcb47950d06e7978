#include "server/timer/loop.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/status.h"
#include "server/timer/recurrence.h"
#include "server/timer/transitions.h"

namespace timerd::timer {
namespace {

bool HasCron(const Handle& handle) { return handle.spec.loop->cron != nullptr; }
bool HasFixedDelay(const Handle& handle) { return handle.spec.loop->pacing == Pacing::kFixedDelay; }

// The clock that the loop's boundaries stand on.
Timeline TimelineOf(const Handle& handle) {
  return HasCron(handle) ? Timeline::kWall : Timeline::kService;
}
Instant NowOf(const Handle& handle, Instant now, Span wall_ahead) {
  return HasCron(handle) ? now + wall_ahead : now;
}
Instant NowOf(const Handle& handle, const Context& context) {
  return NowOf(handle, context.now, context.wall_ahead);
}

Recurrence RecurrenceOf(const Handle& handle) {
  return {handle.loop->origin, handle.loop->interval, handle.spec.loop->cron.get()};
}

// When the tick for `boundary` is due. Jitter never moves one past the next.
Instant WithJitter(const Handle& handle, Instant boundary) {
  Span jitter = handle.spec.loop->jitter;
  if (jitter == Span::zero() || boundary == Instant::max()) {
    return boundary;
  }
  if (HasCron(handle)) {
    jitter = std::min(jitter, RecurrenceOf(handle).Next(boundary) - boundary - kTickDuration);
  }
  return SaturatingAdd(boundary, JitterOf(handle.key, boundary, jitter));
}

// How far `instant` lies after the last time at which a tick may be due; 0 when it does not.
Span PastUntil(const Handle& handle, Instant instant, Span wall_ahead) {
  const std::optional<int64_t>& until = handle.spec.loop->until;
  const Span ahead = HasCron(handle) ? Span::zero() : wall_ahead;
  return until ? std::max(Span::zero(), instant - InstantFromNanos(*until) + ahead) : Span::zero();
}

// When the tick for `boundary`, set at `now`, is due. Jitter moves no tick past the last time.
Instant DeadlineOf(const Handle& handle, Instant boundary, Instant now, Span wall_ahead) {
  if (boundary == now) {
    return boundary;  // at once
  }
  const Instant deadline = WithJitter(handle, boundary);
  return std::max(boundary, deadline - PastUntil(handle, deadline, wall_ahead));
}

// What the next tick stands for, of a loop that is to go on at `now`.
Instant NextOf(const Handle& handle, Instant now) {
  if (HasFixedDelay(handle)) {
    return now + handle.loop->interval;
  }
  const Recurrence recurrence = RecurrenceOf(handle);
  // The wall clock may have been set back: no boundary ticks twice.
  const Instant next =
      recurrence.Next(HasCron(handle) ? std::max(now, handle.loop->previous_tick) : now);
  if (handle.loop->interval == Span::zero() && !HasCron(handle)) {
    return next;
  }
  switch (handle.spec.loop->missed.policy) {
    case MissedTicks::Policy::kSkip:
      return next;
    case MissedTicks::Policy::kRunOnce:
      return recurrence.Next(handle.loop->previous_tick) <= now ? now : next;
    case MissedTicks::Policy::kRunAll:
      return recurrence.Next(handle.loop->previous_tick);
  }
  return next;
}

bool MakesUpForEach(const Handle& handle) {
  return handle.spec.loop->missed.policy == MissedTicks::Policy::kRunAll;
}

// The first tick that is made up for at `now`, of one that is due for `boundary`.
Instant EarliestMadeUpFor(const Handle& handle, Instant boundary, Instant now) {
  const MissedTicks& missed = handle.spec.loop->missed;
  return RecurrenceOf(handle).EarliestOfLast(boundary, now, missed.max_runs, missed.window);
}

// What the tick after that for `boundary` stands for, if that was made and reported at `time`.
Instant AfterTick(const Handle& handle, Instant boundary, Instant time) {
  if (HasFixedDelay(handle)) {
    return SaturatingAdd(time, handle.loop->interval);
  }
  return RecurrenceOf(handle).Next(MakesUpForEach(handle) ? boundary : time);
}

void CompleteLoop(Handle& handle, const Outcome& outcome, Context& context) {
  EndWithOutcome(handle, outcome, EventType::kCompleted, context);
}

// Sets the deadline for `boundary`; ends the loop when that lies after its `until`.
void SetBoundary(Handle& handle, Instant boundary, const Outcome& outcome, Context& context) {
  if (boundary == Instant::max() ||  // cron matches no more
      PastUntil(handle, boundary, context.wall_ahead) > Span::zero()) {
    return CompleteLoop(handle, outcome, context);
  }
  handle.phase = Phase::kPending;
  StopDelivery(handle);
  handle.loop.Edit().boundary = boundary;
  handle.due = Set(DeadlineOf(handle, boundary, NowOf(handle, context), context.wall_ahead),
                   context, TimelineOf(handle));
}

bool HasRunOut(const Handle& handle) {
  return handle.spec.loop->max_runs && handle.run >= *handle.spec.loop->max_runs;
}

// A tick that stands for `count` intervals.
void Tick(Handle& handle, std::optional<Deadline> deadline, uint64_t count, Context& context) {
  handle.loop.Edit().missed_ticks += count - 1;
  BeginRun(handle, EventType::kTick, deadline, count, /*triggered=*/false, context);
}

// What plain loops do at once where others wait for a report.
void EndIfPlain(Handle& handle, Context& context) {
  if (!handle.spec.reported) {
    EndLoopRun(handle, {.success = true}, context);
  }
}

absl::Status CheckIsLoop(const Handle& handle, absl::string_view call) {
  if (handle.spec.kind != Kind::kLoop) {
    return RefuseKind(handle, call, "is for loops");
  }
  return absl::OkStatus();
}

// Neither stopping nor ended.
absl::Status CheckGoesOn(const Handle& handle) {
  if (handle.phase == Phase::kStopping) {
    return Refuse(Reason::kNotRunning,
                  absl::StrCat(Describe(handle), ": is stopping already; the report of run ",
                               handle.run, " will end it"));
  }
  if (handle.phase == Phase::kEnded) {
    return Refuse(Reason::kNotRunning, absl::StrCat(Describe(handle), ": ended already in ",
                                                    EventTypeName(handle.end->type)));
  }
  return absl::OkStatus();
}

absl::Status CheckHasInterval(const Handle& handle, absl::string_view call) {
  if (HasCron(handle)) {
    return RefuseKind(handle, call, "is for loops with an interval; replace one with cron");
  }
  return absl::OkStatus();
}

// Whether a loop of this policy may have `interval`, which is legal by itself.
absl::Status CheckInterval(const Handle& handle, Span interval) {
  const LoopPolicy& loop = *handle.spec.loop;
  const std::string shown = absl::FormatDuration(absl::FromChrono(interval));
  if (interval == Span::zero() &&
      (!handle.spec.reported || loop.missed.policy != MissedTicks::Policy::kSkip)) {
    return Refuse(Reason::kInvalidField,
                  absl::StrCat(Describe(handle), ": interval 0s is for reported loops that skip ",
                               "missed ticks; use 1ms or more"),
                  "interval");
  }
  if (loop.jitter > Span::zero() && loop.jitter >= interval) {
    return Refuse(
        Reason::kInvalidField,
        absl::StrCat(Describe(handle), ": interval ", shown,
                     " is not longer than the loop's jitter of ",
                     absl::FormatDuration(absl::FromChrono(loop.jitter)), "; use a longer one"),
        "interval");
  }
  return absl::OkStatus();
}

}  // namespace

void StartLoop(Handle& handle, Context& context) {
  handle.loop.Edit().origin = NowOf(handle, context);
  handle.loop.Edit().interval = handle.spec.span;
  handle.loop.Edit().previous_tick = handle.loop->origin;
  if (!handle.spec.start_now) {
    // CheckCreatable() has made sure that this does not end it.
    SetBoundary(handle,
                HasFixedDelay(handle) ? handle.loop->origin + handle.loop->interval
                                      : RecurrenceOf(handle).Next(handle.loop->origin),
                {}, context);
    return;
  }
  Tick(handle, std::nullopt, 1, context);
  EndIfPlain(handle, context);
}

void FireLoop(Handle& handle, Context& context) {
  Deadline deadline = *handle.due;
  const Instant now = NowOf(handle, context);
  Instant stands_for = now;
  if (MakesUpForEach(handle)) {
    stands_for = EarliestMadeUpFor(handle, handle.loop->boundary, now);
    if (stands_for != handle.loop->boundary) {
      handle.loop.Edit().boundary = stands_for;
      deadline.at = std::min(now, DeadlineOf(handle, stands_for, now, context.wall_ahead));
    }
  }
  const uint64_t count = HasFixedDelay(handle)
                             ? 1
                             : RecurrenceOf(handle).Count(handle.loop->previous_tick, stands_for);
  handle.loop.Edit().previous_tick = stands_for;
  Tick(handle, deadline, count, context);
  EndIfPlain(handle, context);
}

void EndLoopRun(Handle& handle, const Outcome& outcome, Context& context) {
  handle.lost.reset();
  if (HasRunOut(handle)) {
    CompleteLoop(handle, outcome, context);
  } else if (handle.loop->paused) {
    handle.phase = Phase::kPaused;
    StopDelivery(handle);
  } else {
    SetBoundary(handle, NextOf(handle, NowOf(handle, context)), outcome, context);
  }
}

absl::StatusOr<Phase> Stop(Handle& handle, Context& context) {
  if (handle.spec.kind != Kind::kLoop) {
    return RefuseKind(handle, "StopLoop", "is for loops; use Cancel");
  }
  TIMERD_RETURN_IF_ERROR(CheckGoesOn(handle));
  if (handle.phase == Phase::kRunning) {
    handle.phase = Phase::kStopping;
    return Phase::kStopping;
  }
  End(handle, MakeEvent(handle, EventType::kStopped, context), context);
  return Phase::kEnded;
}

absl::Status Pause(Handle& handle, Context&) {
  TIMERD_RETURN_IF_ERROR(CheckIsLoop(handle, "PauseLoop"));
  TIMERD_RETURN_IF_ERROR(CheckGoesOn(handle));
  if (handle.loop->paused) {
    return Refuse(Reason::kPaused, absl::StrCat(Describe(handle), ": is paused already"));
  }
  handle.loop.Edit().paused = true;
  if (handle.phase == Phase::kPending) {
    handle.phase = Phase::kPaused;
    handle.due.reset();
    StopDelivery(handle);
  }
  return absl::OkStatus();
}

absl::Status Resume(Handle& handle, Context& context) {
  TIMERD_RETURN_IF_ERROR(CheckIsLoop(handle, "ResumeLoop"));
  TIMERD_RETURN_IF_ERROR(CheckGoesOn(handle));
  if (!handle.loop->paused) {
    return Refuse(Reason::kNotPaused, absl::StrCat(Describe(handle), ": is not paused"));
  }
  handle.loop.Edit().paused = false;
  if (handle.phase == Phase::kPaused) {
    SkipToNext(handle, context);
  }
  return absl::OkStatus();
}

void SkipToNext(Handle& handle, Context& context) {
  const Instant now = NowOf(handle, context);
  const Instant next = HasFixedDelay(handle)
                           ? now + handle.loop->interval
                           : RecurrenceOf(handle).Next(
                                 HasCron(handle) ? std::max(now, handle.loop->previous_tick) : now);
  SetBoundary(handle, next, {.success = true}, context);
}

absl::Status Reset(Handle& handle, Context& context) {
  TIMERD_RETURN_IF_ERROR(CheckIsLoop(handle, "ResetLoop"));
  TIMERD_RETURN_IF_ERROR(CheckHasInterval(handle, "ResetLoop"));
  TIMERD_RETURN_IF_ERROR(CheckGoesOn(handle));
  if (handle.phase == Phase::kPending) {
    handle.loop.Edit().origin = handle.loop.Edit().previous_tick = context.now;
    SetBoundary(handle, context.now + handle.loop->interval, {.success = true}, context);
  }
  return absl::OkStatus();
}

absl::Status ChangeInterval(Handle& handle, Span interval, Context& context) {
  TIMERD_RETURN_IF_ERROR(CheckIsLoop(handle, "ChangeInterval"));
  TIMERD_RETURN_IF_ERROR(CheckHasInterval(handle, "ChangeInterval"));
  TIMERD_RETURN_IF_ERROR(CheckGoesOn(handle));
  TIMERD_RETURN_IF_ERROR(CheckInterval(handle, interval));
  const Span change = interval - handle.loop->interval;
  handle.loop.Edit().interval = interval;
  if (handle.phase == Phase::kPending) {
    const Instant next = HasFixedDelay(handle) ? handle.loop->boundary + change
                                               : RecurrenceOf(handle).Next(context.now);
    SetBoundary(handle, next, {.success = true}, context);
  }
  return absl::OkStatus();
}

absl::Status Trigger(Handle& handle, Context& context) {
  TIMERD_RETURN_IF_ERROR(CheckIsLoop(handle, "TriggerLoop"));
  if (handle.phase == Phase::kEnded) {
    return CheckGoesOn(handle);
  }
  if (handle.phase == Phase::kRunning || handle.phase == Phase::kStopping) {
    return Refuse(
        Reason::kRunUnderWay,
        absl::StrCat(Describe(handle), ": run ", handle.run,
                     " is under way, and there are never two at a time; report it first"));
  }
  const std::optional<Deadline> due = handle.due;
  BeginRun(handle, EventType::kTick, std::nullopt, 0, /*triggered=*/true, context);
  if (handle.spec.reported) {
    return absl::OkStatus();
  }
  if (HasRunOut(handle)) {
    CompleteLoop(handle, {.success = true}, context);
  } else {  // over at once: the schedule is as it was
    handle.phase = handle.loop->paused ? Phase::kPaused : Phase::kPending;
    handle.due = due;
  }
  return absl::OkStatus();
}

std::vector<Instant> Upcoming(const Handle& handle, size_t limit, Instant service_now,
                              Span wall_ahead) {
  std::vector<Instant> upcoming;
  if (handle.spec.kind != Kind::kLoop || handle.loop->paused ||
      (handle.phase != Phase::kPending && handle.phase != Phase::kRunning)) {
    return upcoming;
  }
  if (handle.spec.loop->max_runs) {
    limit = std::min<uint64_t>(limit, *handle.spec.loop->max_runs - handle.run);
  }
  if (handle.loop->interval == Span::zero() && !HasCron(handle)) {
    limit = std::min<size_t>(limit, handle.due ? 1 : 0);  // those after depend on the reports
  }
  const Instant now = NowOf(handle, service_now, wall_ahead);
  Instant boundary = handle.due ? handle.loop->boundary : NextOf(handle, now);
  Instant deadline = handle.due ? handle.due->at : DeadlineOf(handle, boundary, now, wall_ahead);
  if (MakesUpForEach(handle) && deadline <= now) {
    boundary = EarliestMadeUpFor(handle, boundary, now);
    deadline = std::min(now, DeadlineOf(handle, boundary, now, wall_ahead));
  }
  // What is set already acts, although the wall clock may have passed the last time meanwhile.
  bool acts = handle.due.has_value();
  const Instant end = Instant::max() - kTickDuration;
  while (upcoming.size() < limit && deadline < end &&
         (acts || PastUntil(handle, boundary, wall_ahead) == Span::zero())) {
    upcoming.push_back(HasCron(handle) ? deadline - wall_ahead : deadline);
    acts = false;
    boundary = AfterTick(handle, boundary, std::max(now, TickStart(TickOf(deadline))));
    deadline = DeadlineOf(handle, boundary, now, wall_ahead);
  }
  return upcoming;
}

}  // namespace timerd::timer
